"""Error cards: an SDK error as pages show it, with a hint what to try."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any, Final

import octaspace
from octaspace import Error, UnexpectedShapeError
from octaspace.resources.services.creation import session_uuids

__all__ = ["UNEXPECTED_SHAPE", "Problem", "describe", "log_unexpected_shape"]

_log = logging.getLogger("playground")

#: Heading of the card for a malformed answer.
UNEXPECTED_SHAPE: Final = "The answer has an unexpected shape"

_ADVICE: tuple[tuple[type[Error], str], ...] = (
    (octaspace.AuthenticationError, "The key is missing or wrong. Enter another one in Settings."),
    (
        octaspace.PermissionError,
        "The API, or a proxy in front of it, denied this call. Use a key with more permissions.",
    ),
    (octaspace.NotFoundError, "It does not exist, or no longer exists. Reload the list."),
    (octaspace.ValidationError, "The API rejected the values sent. Correct the fields it names."),
    (octaspace.RateLimitError, "Too many calls. Wait for the time shown below, then reload."),
    (
        octaspace.InvalidResponseError,
        "This response does not come from the API. A proxy or a maintenance page may have answered "
        "instead. The request log has the whole response.",
    ),
    (
        UnexpectedShapeError,
        "The API answered, but the answer does not have the documented shape. The raw JSON and the request "
        "log have the original answer.",
    ),
    (octaspace.ServerError, "The API failed, and the retries failed as well. Try again later."),
    (
        octaspace.ProvisionRejectedError,
        "Nothing was rented and nothing is charged. Try another offer.",
    ),
    (
        octaspace.RentalLedgerError,
        "The rental ledger could not be used, and nothing was rented. Check its file or its Redis.",
    ),
    (octaspace.ConfigurationError, "An option is invalid. Check Settings."),
    (
        octaspace.ConnectionError,
        "The endpoint did not answer. Check its address in Settings and the network.",
    ),
)

#: A proxy that intercepts TLS uses its own CA; a retry does not help.
_CERTIFICATE = (
    "The endpoint's certificate is not trusted here, so nothing was sent. Behind a proxy that intercepts "
    "TLS, start the playground with REQUESTS_CA_BUNDLE set to its CA."
)

_PHASES = {
    "open": "The endpoint could not be reached in time (open_timeout).",
    "read": "The endpoint received the request but did not answer in time (read_timeout).",
    "write": "The request could not be sent in time (write_timeout).",
    "pool": "Every connection of the pool was in use (pool_size, pool_timeout).",
    "total": "The whole call, attempts and waits together, exceeded its limit (total_timeout).",
}


@dataclass(frozen=True)
class Problem:
    """Content of an error card.

    Attributes:
        kind: Name of the error's class.
        message: Message of the error.
        title: Heading of the card; when empty, the heading is `kind`.
        field: Field of the answer with an unexpected shape, or None.
        status: HTTP status, or None.
        request_id: The API's request id, or None.
        advice: What to try.
        settings: Whether the card links to Settings.
        retry_after: Seconds to wait before the next attempt, or None.
        outcome_unknown: Whether a change may have taken effect despite the error.
        rejections: Rejections that the API reported inside an HTTP 200.
    """

    kind: str
    message: str
    title: str = ""
    field: str | None = None
    status: int | None = None
    request_id: str | None = None
    advice: str = ""
    settings: bool = False
    retry_after: float | None = None
    outcome_unknown: bool = False
    rejections: tuple[Any, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields for storage; `Problem(**…)` restores them."""
        return asdict(self)


def describe(error: Exception) -> Problem:
    """The card of an error. Errors outside the SDK get one as well, so that a panel never breaks its page."""
    created = _created_sessions(error)
    unrecorded = error.uuid if isinstance(error, octaspace.RentalLedgerError) else None
    if isinstance(error, octaspace.TimeoutError):
        advice = _PHASES.get(error.phase, "")
    elif isinstance(error, octaspace.ConnectionError) and "certificate verify failed" in str(error):
        advice = _CERTIFICATE
    elif unrecorded:
        advice = (
            f"The session {unrecorded} runs and costs money, and it is not in the rental ledger: no deadline "
            "ends it. Stop it when it is no longer needed."
        )
    elif created:
        advice = f"In addition to the rejections, the answer names running sessions: {', '.join(created)}."
    else:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    if not isinstance(error, Error):
        return Problem(type(error).__name__, str(error), advice="The arguments are invalid.")
    return Problem(
        kind=type(error).__name__,
        message=_message(error),
        title=UNEXPECTED_SHAPE
        if isinstance(error, UnexpectedShapeError)
        else "Rented, but not recorded"
        if unrecorded
        else "",
        field=getattr(error, "field", None),
        status=error.status,
        request_id=error.request_id,
        advice=advice,
        settings=isinstance(
            error,
            (octaspace.AuthenticationError, octaspace.ConfigurationError, octaspace.ConnectionError),
        ),
        retry_after=getattr(error, "retry_after", None),
        outcome_unknown=bool(created or unrecorded or getattr(error, "outcome_unknown", False)),
        rejections=tuple(getattr(error, "rejections", ())),
    )


def _message(error: Error) -> str:
    """The message of an error; a page of HTML, as proxies answer with, is named instead of shown."""
    response = error.response if isinstance(error, octaspace.ApiError) else None
    content_type = "" if response is None else response.headers.get("Content-Type", "")
    if response is None or response.status < 300 or "html" not in content_type.lower():
        return str(error)
    call, status, _ = str(error).partition(f": {error.status}")
    return f"{call}{status}: the body is a page of HTML, not JSON" if status else str(error)


def log_unexpected_shape(line: str, error: UnexpectedShapeError, request_id: str | None) -> None:
    """Write a malformed answer to the app's log.

    Args:
        line: Name of the method, without arguments.
        error: The error. Its message does not contain the key.
        request_id: The API's request id, or None.
    """
    _log.error("%s: %s: %s [request id %s]", line, UNEXPECTED_SHAPE, error, request_id or "none")


def _created_sessions(error: Exception) -> list[str]:
    """The sessions that an answer names in addition to its rejections."""
    if not isinstance(error, octaspace.ProvisionRejectedError) or error.response is None:
        return []
    return session_uuids(error.response)
