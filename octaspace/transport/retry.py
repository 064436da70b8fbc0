"""Whether a call goes on after an attempt, and how long it waits: decisions only, no I/O.

This is the table of the retry policy:

==========================================  =========================  ===========================
what happened to the attempt                repeatable                 not repeatable
==========================================  =========================  ===========================
UNSENT: no byte can have reached a server   next endpoint at once      next endpoint at once
STALE: a reused connection died unanswered  once more, new connection  raise
LOST: sent, then broken off or timed out    next endpoint at once      raise: it may have worked
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
    """What happened to one attempt."""

    ANSWERED = "answered"
    UNSENT = "unsent"
    STALE = "stale"
    LOST = "lost"


class Verdict(Enum):
    """What follows from it."""

    DONE = "done"
    NEXT_ENDPOINT = "next endpoint"
    NEW_CONNECTION = "new connection"
    WAIT = "wait"


def decide(outcome: Outcome, status: int | None, *, repeatable: bool) -> Verdict:
    """Look the outcome of an attempt up in the table above.

    Args:
        outcome: What happened.
        status: The HTTP status, when it was answered.
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
    """Seconds to wait before a retry, or None when the API asks for more than we are willing to wait.

    Args:
        retry: 0 for the first retry.
        interval: `Config.retry_interval`.
        factor: `Config.backoff_factor`.
        max_interval: `Config.max_retry_interval`.
        retry_after: What the API asked for; obeyed instead of our own wait.
        max_retry_after: `Config.max_retry_after`.
        clock: Where the jitter of 0.5 to 1.5 comes from.
    """
    if retry_after is not None:
        return retry_after if retry_after <= max_retry_after else None
    try:
        wait = min(interval * float(factor) ** retry, max_interval)
    except OverflowError:  # of floats, for many retries
        wait = max_interval if interval else 0.0
    return min(wait * (0.5 + clock.random()), MAX_SECONDS)  # more is not a time that can be slept
