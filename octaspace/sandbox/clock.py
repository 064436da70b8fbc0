"""The sandbox's clock: one object, so that tests can move the time."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the sandbox asks of a clock. Both values are in seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    def time(self) -> float:
        """Seconds since 1970 (UTC)."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class ManualClock:
    """Time that stands still until `advance` moves it: rentals become ready without waiting.

    Only the world's time is moved; delays and stalls of faults happen on real sockets and take real time.
    """

    def __init__(self, wall: float = 1_795_510_800.0) -> None:
        self._lock = threading.Lock()
        self._wall = wall
        self._passed = 0.0

    def advance(self, seconds: float) -> None:
        """Move both readings forward.

        Args:
            seconds: How far.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._passed += seconds

    def restart(self) -> None:
        """Go back to the first reading, for a world that starts again (`SandboxServer.restart`)."""
        with self._lock:
            self._passed = 0.0

    def monotonic(self) -> float:
        with self._lock:
            return self._passed

    def time(self) -> float:
        with self._lock:
            return self._wall + self._passed
