"""A circuit breaker: a server that did not answer in time is left alone for a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["OPEN_SECONDS", "CircuitBreaker"]

#: Long enough that a page which uses the store several times waits once; short enough that nobody waits for
#: the next page when the store is back.
OPEN_SECONDS: Final = 2.0


class CircuitBreaker:
    """The state of one server. Threads may use it at the same time.

    Args:
        monotonic: Returns a time that never goes back, in seconds.
        seconds: How long the server is left alone after a timeout.
    """

    def __init__(self, monotonic: Callable[[], float], seconds: float = OPEN_SECONDS) -> None:
        self._monotonic, self._seconds = monotonic, seconds
        #: When it may be asked again; 0 when it answered last time.
        self._until = 0.0

    def allows(self) -> bool:
        """Whether the server may be asked. After the time is over, one caller asks and the others wait."""
        if not self._until:
            return True
        now = self._monotonic()
        if now < self._until:
            return False
        self._until = now + self._seconds
        return True

    def timed_out(self) -> None:
        """Note that the server did not answer in time."""
        self._until = self._monotonic() + self._seconds

    def answered(self) -> None:
        """Note that it answered, or refused the connection at once: asking it costs no time."""
        self._until = 0.0
