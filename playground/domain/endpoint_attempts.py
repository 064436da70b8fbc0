"""The attempts of calls by endpoint, and which of them the endpoint has failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from octaspace import InvalidResponseError, Response, UnexpectedShapeError
from octaspace.errors import api_error

__all__ = ["AttemptResult", "attempt_results"]

#: Maximum number of characters of a message that are kept.
_MAX_MESSAGE: Final = 300

#: A 2xx that is not the API's answer, such as a maintenance page, or JSON of another shape.
_UNREADABLE: Final = (InvalidResponseError.__name__, UnexpectedShapeError.__name__)

#: Statuses below 500 after which the SDK sends a read again.
_BUSY: Final = (408, 429)


@dataclass(frozen=True)
class AttemptResult:
    """One attempt.

    Attributes:
        at: When it ended, seconds since 1970.
        elapsed: Seconds.
        failed: Whether the endpoint failed: no response, a status of 500 or more, 408, 429, or a body that is
            not the API's answer. An endpoint that answers 404 or 401 works.
        kind: Name of the error class; None for a success.
        status: HTTP status, or None.
        phase: The time limit that was reached, or None.
        message: Text of the error.
        cooldown: Seconds of the cooldown that it started, or None.
        call: Number of its call in the request log.
        is_last: Whether the call ended with it.
    """

    at: float
    elapsed: float
    failed: bool
    kind: str | None = None
    status: int | None = None
    phase: str | None = None
    message: str = ""
    cooldown: float | None = None
    call: int = 0
    is_last: bool = False


def attempt_results(
    rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]
) -> dict[str, list[AttemptResult]]:
    """The attempts of calls, by endpoint.

    Args:
        rows: Rows of the request log; see `playground.sdk.recording.Call.row`.
        numbers: Their numbers in the log.
    """
    found: dict[str, list[AttemptResult]] = {}
    for row, number in zip(rows, numbers, strict=True):
        attempts = row["detail"]["attempts"]
        for attempt in attempts:
            # The server has closed an idle connection, or all connections of this client are in use: neither
            # says anything about the endpoint.
            if attempt["verdict"] == "fresh-socket" or attempt["phase"] == "pool":
                continue
            result = _result(row, number, attempt, is_last=attempt is attempts[-1])
            found.setdefault(attempt["endpoint"], []).append(result)
    return found


def _result(
    row: Mapping[str, Any], number: int, attempt: Mapping[str, Any], *, is_last: bool
) -> AttemptResult:
    status = attempt["status"]
    message, kind = str(attempt["reason"] or ""), attempt["error"]
    failed = kind is not None
    if status is not None and not 200 <= status < 300:
        failed = status >= 500 or status in _BUSY
        kind = _class_of(status)
        message = str(row["detail"]["message"] or "") if is_last else ""
    elif is_last and row["error"] in _UNREADABLE:
        failed, kind, message = True, row["error"], str(row["detail"]["message"] or "")
    return AttemptResult(
        at=row["at"] + attempt["start"] + attempt["elapsed"],
        elapsed=attempt["elapsed"],
        failed=failed,
        kind=kind,
        status=status,
        phase=attempt["phase"],
        message=message[:_MAX_MESSAGE],
        cooldown=attempt["cooldown"],
        call=number,
        is_last=is_last,
    )


def _class_of(status: int) -> str:
    response = Response(status=status, headers={}, data=None)
    return type(api_error(response, method="GET", path="/")).__name__
