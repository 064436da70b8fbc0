"""A clock that is set by hand, and processes that do not exist."""

from __future__ import annotations

import time

from playground.store.process_identity import ProcessIdentity

#: No process has this id: it is larger than Linux allows.
NO_PID = 2**22 + 1


class FakeClock:
    """The time of day and a monotonic time, both moved by `advance`."""

    def __init__(self) -> None:
        self.now = time.time()
        self.monotonic_now = time.monotonic()

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.monotonic_now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.monotonic_now += seconds


def ended_process() -> ProcessIdentity:
    """A process of this host that has ended."""
    return ProcessIdentity(ProcessIdentity.current().host, NO_PID, start="1", started=0.0)


def process_elsewhere() -> ProcessIdentity:
    """A process of another host."""
    return ProcessIdentity("another host", NO_PID, start="1", started=0.0)
