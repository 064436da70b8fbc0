"""Waits that end when a client is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ..fork import register_after_fork
from .clock import SYSTEM_CLOCK

__all__ = ["ClosingSignal"]

#: Seconds until a waiting thread looks again.
_LONGEST_WAIT: Final = 1.0


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
                # In pieces: a signal handler may notify between the check and the wait, in the same thread.
                self._condition.wait(min(left, _LONGEST_WAIT))
