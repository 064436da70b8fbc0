"""Read from a socket within the limits of an attempt, up to the end of one response."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from .clock import SYSTEM_CLOCK
from .trace import POLL_INTERVAL, Stage, Trace, current_trace

__all__ = ["ResponseFile"]


class _SocketReader(io.RawIOBase):
    """Reads from a socket until the response has ended.

    Each wait for data is within the limits of the trace. A socket timeout alone limits each wait and not
    their sum: a server that sends one byte a second would never time out.
    """

    def __init__(self, sock: Any, trace: Trace) -> None:
        self._recv_into = sock.recv_into
        self._set_timeout = sock.settimeout
        #: Returns how many seconds the next wait may take; None keeps the timeout of the socket.
        self._next_wait: Callable[[], float | None] | None = None
        #: Called repeatedly during a wait; an exception it raises ends the wait.
        self._poll: Callable[[], object] | None = None
        if trace.stage is Stage.OPENING:  # a proxy's response to CONNECT counts as opening
            self._next_wait = trace.next_opening_wait
        elif trace.has_limits:
            self._next_wait = trace.next_reading_wait
            self._poll = trace.poll if trace.is_polled else None
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return None
        if self._poll is not None:
            return self._read_polling(buffer, self._poll)
        if self._next_wait is not None:
            self._set_timeout(self._next_wait())
        return self._recv_into(buffer)  # type: ignore[no-any-return]

    def _read_polling(self, buffer: Any, poll: Callable[[], object]) -> int:
        limit = None if self._next_wait is None else self._next_wait()
        end = None if limit is None else SYSTEM_CLOCK.monotonic() + limit
        while True:
            poll()
            left = POLL_INTERVAL if end is None else end - SYSTEM_CLOCK.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._set_timeout(min(left, POLL_INTERVAL))
            try:
                return self._recv_into(buffer)  # type: ignore[no-any-return]
            except TimeoutError:
                continue


class ResponseFile(io.BufferedReader):
    """The file of one response. Bytes read beyond its end make the connection unusable.

    Args:
        sock: The connection.
    """

    raw: _SocketReader

    def __init__(self, sock: Any) -> None:
        super().__init__(_SocketReader(sock, current_trace.get()))

    def close(self) -> None:
        if not self.raw.ended:
            self.raw.ended = True  # from here on `peek` does not wait for more
            trace = current_trace.get(None)
            if trace is not None and self.peek(1):
                trace.surplus = True
        super().close()
