"""Check deadlines of rentals: a mistake costs money, so it is rejected before anything is sent."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

from ..safe_repr import safe_repr

__all__ = ["checked_duration", "checked_seconds"]

#: Ten years: a longer one is a mistake in the unit.
_MAX_SECONDS: Final = 10 * 365 * 86400


def checked_duration(max_duration: object, deadline: object) -> float | None:
    """Return the seconds from now until a rental has to end; None for no limit.

    Args:
        max_duration: Seconds, or None.
        deadline: A time with a time zone, or None.

    Raises:
        ValueError: One of them cannot be used, or both are given; the message says why.
    """
    if max_duration is not None and deadline is not None:
        raise ValueError("give either max_duration or deadline, not both")
    if deadline is not None:
        return _until(deadline)
    return None if max_duration is None else checked_seconds(max_duration, "max_duration")


def checked_seconds(seconds: object, name: str) -> float:
    """Return a number of seconds from now.

    Args:
        seconds: The number.
        name: What it is called in messages.

    Raises:
        ValueError: It is not above 0, or more than ten years.
    """
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float))
        or not 0 < seconds <= _MAX_SECONDS  # nor NaN
    ):
        raise ValueError(
            f"{name} must be a number of seconds above 0, at most {_MAX_SECONDS}, "
            f"not {safe_repr(seconds)} ({type(seconds).__name__})"
            f"{'; use its total_seconds()' if isinstance(seconds, timedelta) else ''}"
        )
    return seconds


def _until(deadline: object) -> float:
    if not isinstance(deadline, datetime):
        raise ValueError(
            f"deadline must be a datetime with a time zone, not {safe_repr(deadline)} "
            f"({type(deadline).__name__})"
        )
    if deadline.utcoffset() is None:
        raise ValueError(
            f"deadline has no time zone: {deadline.isoformat()}; "
            "use e.g. datetime.now(timezone.utc) + timedelta(hours=2)"
        )
    seconds = deadline.timestamp() - time.time()
    if seconds <= 0:
        raise ValueError(f"deadline has passed: {deadline.isoformat()}")
    if seconds > _MAX_SECONDS:
        raise ValueError(f"deadline is more than ten years ahead: {deadline.isoformat()}")
    return seconds
