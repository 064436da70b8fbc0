"""Check deadlines of rentals: a mistake costs money, so it is rejected before anything is sent."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from ..safe_repr import safe_repr

__all__ = ["checked_duration"]

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
    if max_duration is None:
        return None
    if (
        isinstance(max_duration, bool)
        or not isinstance(max_duration, (int, float))
        or not 0 < max_duration <= _MAX_SECONDS
    ):
        raise ValueError(
            f"max_duration must be a number of seconds above 0, at most {_MAX_SECONDS}, "
            f"not {safe_repr(max_duration)} ({type(max_duration).__name__})"
        )
    return max_duration


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
