"""Waits that end when a client is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..fork import register_after_fork
from .clock import SYSTEM_CLOCK

__all__ = ["ClosingSignal"]


class ClosingSignal:
    """Wakes waiting threads. A client and its derived clients share one."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._condition = threading.Condition()

    def notify(self) -> None:
        """Wake every waiting thread to check whether its client is closed."""
        with self._condition:
            self._condition.notify_all()

    def wait(self, seconds: float, closed: Callable[[], bool]) -> None:
        """Wait until a client is closed or the time is over.

        Args:
            seconds: Maximum wait on the system's clock.
            closed: Returns whether the client is closed. It must return True before `notify` is called.
        """
        end = SYSTEM_CLOCK.monotonic() + seconds
        with self._condition:
            while not closed() and (left := end - SYSTEM_CLOCK.monotonic()) > 0:
                self._condition.wait(left)
