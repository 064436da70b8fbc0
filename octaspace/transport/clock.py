"""Clock and random source, in one object that tests replace."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType
from typing import Final

__all__ = ["SYSTEM_CLOCK", "Clock", "Deadline"]


def _real_monotonic() -> Callable[[], float]:
    """The system's monotonic clock, also if this module is imported while `freezegun` has frozen time.

    The frozen clock would stop every limit for the rest of the process.
    """
    if isinstance(time.monotonic, BuiltinFunctionType) or not hasattr(time, "clock_gettime"):
        return time.monotonic
    return partial(time.clock_gettime, time.CLOCK_MONOTONIC)


class Clock:
    """The time, waits and jitter of the transport.

    Args:
        monotonic: Seconds on a clock that never goes back.
        sleep: Waits that many seconds; None for a wait on the system's clock that closing the client ends.
        random: A number in [0, 1).
    """

    __slots__ = ("monotonic", "random", "sleep")

    def __init__(
        self,
        monotonic: Callable[[], float] = _real_monotonic(),  # noqa: B008  # evaluated once on purpose
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.monotonic = monotonic
        self.sleep = sleep
        self.random = random


SYSTEM_CLOCK: Final = Clock()


#: Seconds of a call's time that an attempt gets at least.
_MIN_SHARE: Final = 1.0


class Deadline:
    """The time at which a whole call, or one attempt of it, must end, or no limit.

    Args:
        clock: The clock to measure with.
        limits: Seconds from now; the smallest applies, None means no limit.

    Attributes:
        limit: The seconds from its start, or None.
        call: The end of the whole call, if this is the end of an attempt that leaves time for others.
    """

    __slots__ = ("_at", "_clock", "_monotonic", "call", "limit")

    def __init__(self, clock: Clock, *limits: float | None) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self.call: Deadline | None = None
        self.limit: float | None = None
        for limit in limits:
            if limit is not None and (self.limit is None or limit < self.limit):
                self.limit = limit
        self._at = None if self.limit is None else self._monotonic() + self.limit

    def remaining(self) -> float | None:
        """Seconds left, never negative; None if there is no limit."""
        return None if self._at is None else max(0.0, self._at - self._monotonic())

    def share(self, others: int) -> Deadline:
        """The end of an attempt that leaves as much time for each of the others.

        Args:
            others: Number of endpoints that may still be tried.

        Returns:
            A separate deadline, never less than a second away, or this one if nothing has to be left.
        """
        left = self.remaining()
        if left is None or not others:
            return self
        seconds = max(left / (others + 1), _MIN_SHARE)
        if seconds >= left:
            return self
        attempt = Deadline(self._clock, seconds)
        attempt.call = self
        return attempt

    def clip(self, limit: float | None) -> float | None:
        """The smaller of a limit and the seconds left."""
        left = self.remaining()
        if left is None:
            return limit
        return left if limit is None else min(limit, left)

    @property
    def expired(self) -> bool:
        return self._at is not None and self._monotonic() >= self._at
