"""Waits that end when a client is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .clock import SYSTEM_CLOCK
from .fork import register_after_fork

__all__ = ["ClosingSignal"]


class ClosingSignal:
    """Wakes the threads that wait. One is shared by a client and all that are derived from it."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._condition = threading.Condition()

    def give(self) -> None:
        """Have every thread that waits look again whether its client is closed."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, seconds: float, closed: Callable[[], bool]) -> None:
        """Wait until a client is closed, at most so many seconds.

        Args:
            seconds: The longest wait, by the system's clock.
            closed: Whether it is closed. It must be so before `give` is called.
        """
        end = SYSTEM_CLOCK.monotonic() + seconds
        with self._condition:
            while not closed() and (left := end - SYSTEM_CLOCK.monotonic()) > 0:
                self._condition.wait(left)
