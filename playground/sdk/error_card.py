"""An SDK error as a card for people: what happened, and what to try."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any, Final

import octaspace
from octaspace import Error, UnexpectedShapeError
from octaspace.resources.services.creation import session_uuids

__all__ = ["UNEXPECTED_SHAPE", "Problem", "describe", "log_unexpected_shape"]

_log = logging.getLogger("playground")

#: Heading of the card of a malformed answer.
UNEXPECTED_SHAPE: Final = "The answer has an unexpected shape"

_ADVICE: tuple[tuple[type[Error], str], ...] = (
    (octaspace.AuthenticationError, "The key is missing or wrong. Enter another one in Settings."),
    (
        octaspace.PermissionError,
        "The API, or something in front of it, refuses this call. Use a key with more rights.",
    ),
    (octaspace.NotFoundError, "It does not exist, or no longer. Go back to the list and load it again."),
    (octaspace.ValidationError, "The API refuses what was sent. Correct the fields it names."),
    (octaspace.RateLimitError, "Too many calls. Wait until the time below is over, then load again."),
    (
        octaspace.InvalidResponseError,
        "This is not what the API sends. Something in front of it, such as a proxy or a maintenance page, "
        "may have answered in its place. The request log has the whole answer.",
    ),
    (
        UnexpectedShapeError,
        "The API answered, and this cannot be read from what it sent. The raw JSON and the request log have "
        "the answer as it came.",
    ),
    (octaspace.ServerError, "The API failed, and went on failing when asked again. Try later."),
    (
        octaspace.ProvisionRejectedError,
        "Nothing was rented and nothing is charged. Another offer may work.",
    ),
    (octaspace.ConfigurationError, "An option cannot be used. Look at Settings."),
    (
        octaspace.ConnectionError,
        "Nobody answered at the endpoint. Check its address in Settings and the network.",
    ),
)

#: A proxy that opens TLS has a CA of its own; no retry helps against that.
_CERTIFICATE = (
    "The endpoint's certificate is not trusted here, so nothing was sent. Behind a proxy that opens TLS, "
    "start the playground with REQUESTS_CA_BUNDLE naming its CA."
)

_PHASES = {
    "open": "The endpoint could not be reached in time (open_timeout).",
    "read": "The endpoint took the request and did not answer in time (read_timeout).",
    "write": "The request could not be sent in time (write_timeout).",
    "pool": "Every connection of the pool was in use (pool_size, pool_timeout).",
    "total": "The whole call took longer than it may (total_timeout). Attempts and waits count together.",
}


@dataclass(frozen=True)
class Problem:
    """What an error card says.

    Attributes:
        kind: Class of the error.
        message: Its message.
        title: Heading of the card; empty for the class of the error.
        field: The field of the answer that has an unexpected shape, or None.
        status: HTTP status, or None.
        request_id: The API's id, or None.
        advice: What to try.
        settings: Whether Settings is the place to go.
        retry_after: Seconds to wait before the next try, or None.
        outcome_unknown: Whether a change may have been carried out all the same.
        rejections: What the API refused inside an HTTP 200.
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
        """For keeping it; `Problem(**…)` reads it again."""
        return asdict(self)


def describe(error: Exception) -> Problem:
    """The card of an error; of one that is not the SDK's too, since a panel must never take a page down."""
    made = _made_all_the_same(error)
    if isinstance(error, octaspace.TimeoutError):
        advice = _PHASES.get(error.phase, "")
    elif isinstance(error, octaspace.ConnectionError) and "certificate verify failed" in str(error):
        advice = _CERTIFICATE
    elif made:
        advice = f"The answer names a session beside what it refuses, which goes on: {', '.join(made)}."
    else:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    if not isinstance(error, Error):
        return Problem(type(error).__name__, str(error), advice="The arguments cannot be used as they are.")
    return Problem(
        kind=type(error).__name__,
        message=str(error),
        title=UNEXPECTED_SHAPE if isinstance(error, UnexpectedShapeError) else "",
        field=getattr(error, "field", None),
        status=error.status,
        request_id=error.request_id,
        advice=advice,
        settings=isinstance(
            error,
            (octaspace.AuthenticationError, octaspace.ConfigurationError, octaspace.ConnectionError),
        ),
        retry_after=getattr(error, "retry_after", None),
        outcome_unknown=bool(made or getattr(error, "outcome_unknown", False)),
        rejections=tuple(getattr(error, "rejections", ())),
    )


def log_unexpected_shape(line: str, error: UnexpectedShapeError, request_id: str | None) -> None:
    """Write a malformed answer to the app's log.

    Args:
        line: The method that was answered, without arguments.
        error: What is wrong. Its message holds no key.
        request_id: The API's id of the request, or None.
    """
    _log.error("%s: %s: %s [request id %s]", line, UNEXPECTED_SHAPE, error, request_id or "none")


def _made_all_the_same(error: Exception) -> list[str]:
    """The sessions that an answer names beside what it refuses."""
    if not isinstance(error, octaspace.ProvisionRejectedError) or error.response is None:
        return []
    return session_uuids(error.response)
