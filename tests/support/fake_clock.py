"""A clock that moves only when it is told to, or when the code under test sleeps on it."""

from __future__ import annotations

from collections.abc import Callable

from octaspace.transport import Clock


class FakeClock:
    """Time for one test.

    Attributes:
        now: The present, in seconds.
        slept: Every wait, in order.
        on_sleep: Called at each wait, for what happens meanwhile.
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
