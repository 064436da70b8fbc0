"""The retry policy: what follows an attempt, and how long to wait. Decisions only, no I/O.

This is the table of the retry policy:

==========================================  =========================  ===========================
outcome of the attempt                      repeatable                 not repeatable
==========================================  =========================  ===========================
UNSENT: no byte can have reached a server   next endpoint at once      next endpoint at once
STALE: a reused connection was closed       once more, new connection  raise
LOST: sent, then lost or timed out          next endpoint at once      raise: outcome unknown
ANSWERED with 408, 429, 500, 502-504        wait, then retry           raise
ANSWERED otherwise                          return or raise            return or raise
==========================================  =========================  ===========================
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from ..request import MAX_SECONDS
from .clock import Clock

__all__ = ["RETRY_STATUSES", "Outcome", "Verdict", "backoff", "decide"]

RETRY_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})


class Outcome(Enum):
    """The outcome of one attempt."""

    ANSWERED = "answered"
    UNSENT = "unsent"
    STALE = "stale"
    LOST = "lost"


class Verdict(Enum):
    """The next step after an attempt."""

    DONE = "done"
    NEXT_ENDPOINT = "next endpoint"
    NEW_CONNECTION = "new connection"
    WAIT = "wait"


def decide(outcome: Outcome, status: int | None, *, repeatable: bool) -> Verdict:
    """Look up the outcome of an attempt in the table above.

    Args:
        outcome: The outcome.
        status: The HTTP status, if there was a response.
        repeatable: Whether sending the request twice is harmless.
    """
    if outcome is Outcome.UNSENT:
        return Verdict.NEXT_ENDPOINT
    if not repeatable:
        return Verdict.DONE
    if outcome is Outcome.STALE:
        return Verdict.NEW_CONNECTION
    if outcome is Outcome.LOST:
        return Verdict.NEXT_ENDPOINT
    return Verdict.WAIT if status in RETRY_STATUSES else Verdict.DONE


def backoff(
    retry: int,
    *,
    interval: float,
    factor: float,
    max_interval: float,
    retry_after: float | None,
    max_retry_after: float,
    clock: Clock,
) -> float | None:
    """Seconds to wait before a retry, or None if the API asks for more than the maximum.

    Args:
        retry: 0 for the first retry.
        interval: `Config.retry_interval`.
        factor: `Config.backoff_factor`.
        max_interval: `Config.max_retry_interval`.
        retry_after: The wait that the API asks for; used instead of the calculated one.
        max_retry_after: `Config.max_retry_after`.
        clock: Source of the random factor of 0.5 to 1.5.
    """
    if retry_after is not None:
        return retry_after if retry_after <= max_retry_after else None
    try:
        wait = min(interval * float(factor) ** retry, max_interval)
    except OverflowError:  # of floats, after many retries
        wait = max_interval if interval else 0.0
    return min(wait * (0.5 + clock.random()), MAX_SECONDS)  # the maximum that `sleep` accepts
