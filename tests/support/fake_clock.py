"""A clock that moves only on `advance`, or when the code under test sleeps on it."""

from __future__ import annotations

from collections.abc import Callable

from octaspace.transport import Clock


class FakeClock:
    """Time for one test.

    Attributes:
        now: The current time in seconds.
        slept: Every wait, in order.
        on_sleep: Called at each wait, for events during the wait.
        chance: What `random` returns; 0.5 makes the jitter factor exactly 1.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.chance = 0.5
        self.on_sleep: Callable[[], None] = lambda: None

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep, random=lambda: self.chance)
