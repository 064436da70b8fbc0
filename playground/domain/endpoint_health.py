"""Health of each endpoint: its cooldown in the rotator, or else the result of the last call that ended there.

With one endpoint there is no rotator, and with several the rotator counts lost connections only. Without the
last call a page would show "healthy" for an endpoint that refuses every connection, always answers 503, or
answers 200 with a maintenance page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from octaspace import InvalidResponseError, UnexpectedShapeError

from ..store import CallRow, RequestLog

__all__ = ["EndpointHealth", "endpoint_health", "last_calls"]


#: A 2xx that is not the API's answer, such as a maintenance page, or JSON of another shape.
_UNREADABLE: Final = (InvalidResponseError.__name__, UnexpectedShapeError.__name__)


@dataclass(frozen=True)
class EndpointHealth:
    """State of an endpoint.

    Attributes:
        url: The endpoint.
        severity: Colour of its badge: ``good``, ``warn``, ``bad`` or ``idle``.
        words: Its state as text.
        message: Message of the error when the last call failed without a status; else empty.
        cooldown: Seconds left of its cooldown, or None.
        at: When the call that `words` describes began, seconds since 1970, or None.
    """

    url: str
    severity: str
    words: str
    message: str = ""
    cooldown: float | None = None
    at: float | None = None


def last_calls(calls: RequestLog, endpoints: Iterable[str]) -> dict[str, CallRow]:
    """The last call of a browser that ended at each of these endpoints, where there is one.

    The row of a failed call is complete: its `CallRow.detail` has the message.
    """
    found = {}
    for url in endpoints:
        rows, _ = calls.latest(1, endpoint=url)
        if rows:
            whole = None if rows[0].ok else calls.find(rows[0].id)
            found[url] = whole or rows[0]
    return found


def endpoint_health(
    endpoints: Sequence[str], stats: Mapping[str, Any], last: Mapping[str, CallRow]
) -> list[EndpointHealth]:
    """The state of each endpoint.

    Args:
        endpoints: Their URLs.
        stats: See `octaspace.Client.transport_stats`.
        last: See `last_calls`.
    """
    cooling: Mapping[str, float] = (stats.get("rotator") or {}).get("cooldown_left") or {}
    return [_health(url, cooling.get(url), last.get(url)) for url in endpoints]


def _health(url: str, cooldown: float | None, row: CallRow | None) -> EndpointHealth:
    if cooldown is not None:
        return EndpointHealth(url, "bad", "skipped", cooldown=cooldown)
    if row is None:
        return EndpointHealth(url, "idle", "not called yet")
    if row.error in _UNREADABLE or (row.status is None and not row.ok):
        message = str(row.detail.get("message") or "")
        return EndpointHealth(url, "bad", f"the last call failed: {row.error}", message, at=row.at)
    if row.cache == "stale":  # its status is that of the older answer
        return EndpointHealth(url, "bad", "the last call failed; an older answer was shown", at=row.at)
    if row.status is not None and row.status >= 500:
        return EndpointHealth(url, "warn", f"the last call was answered with {row.status}", at=row.at)
    return EndpointHealth(url, "good", "healthy", at=row.at)
