"""How far an attempt got, and the limits of its waits.

The stage of a failed attempt decides whether it may be retried. urllib3 calls its pool and connection objects
in the calling thread, so the trace of the current attempt is in a context variable: one per thread, and one
per greenlet even if gevent was too late to replace `threading.local`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from enum import IntEnum
from typing import Final

from .clock import SYSTEM_CLOCK, Deadline

__all__ = ["POLL_INTERVAL", "CallAborted", "Stage", "Trace", "current_trace", "tracing"]

#: Seconds between two calls of a sink's `waiting`.
POLL_INTERVAL: Final = 0.5

_NO_LIMIT: Final = Deadline(SYSTEM_CLOCK)


class Stage(IntEnum):
    """How far an attempt got. Up to OPEN, nothing of the request can have reached a server."""

    NONE = 0  # none of our connections was requested: a mock, or an earlier failure
    OPENING = 1  # DNS, connect, proxy, TLS handshake
    OPEN = 2  # connected, nothing sent
    SENDING = 3  # the first byte may have been sent
    WAITING = 4  # sent; waiting for the status line and the headers
    READING = 5  # reading the body


class CallAborted(Exception):  # noqa: N818  # not an error: the caller ended the call
    """Carries an exception out of `Trace.poll` past the libraries, which treat an OSError as a network error.

    Attributes:
        error: The exception that the caller's `waiting` raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Trace:
    """The record and the limits of one attempt. They use the system's clock, because the waits are real.

    Args:
        new_connection: Refuse to reuse a connection.
        read_timeout: Seconds for each wait for data.
        write_timeout: Seconds for sending the whole request.
        deadline: The end of the attempt.
        waiting: Called about twice a second while waiting for the response and reading it, or None. An
            exception it raises ends the attempt.

    Attributes:
        stage: How far it got.
        opened: Whether it opened a connection.
        reused: Whether it was sent on a connection that had served another request.
        surplus: Whether bytes followed the end of the response. They would be taken for the next response.
        connection_wait: Seconds of waiting for a free connection.
        connections_in_use: Connections of the endpoint in use, its own included; None without keep-alive.
    """

    __slots__ = (
        "_next_poll",
        "_opening",
        "_sending",
        "_waiting",
        "_write_timeout",
        "connection_wait",
        "connections_in_use",
        "deadline",
        "new_connection",
        "opened",
        "read_timeout",
        "reused",
        "stage",
        "surplus",
    )  # fmt: skip

    def __init__(
        self,
        *,
        new_connection: bool,
        read_timeout: float | None,
        write_timeout: float | None,
        deadline: Deadline,
        waiting: Callable[[], object] | None = None,
    ) -> None:
        self.stage = Stage.NONE
        self.opened = False
        self.reused = False
        self.surplus = False
        self.connection_wait = 0.0
        self.connections_in_use: int | None = None
        self.new_connection = new_connection
        self.read_timeout = read_timeout
        self.deadline = deadline
        self._write_timeout = write_timeout
        self._opening = self._sending = _NO_LIMIT
        self._waiting = waiting
        self._next_poll = 0.0 if waiting is None else SYSTEM_CLOCK.monotonic() + POLL_INTERVAL

    @property
    def has_limits(self) -> bool:
        """Whether a wait for data has more limits than the socket's timeout."""
        return self.deadline.limit is not None or self._waiting is not None

    @property
    def is_polled(self) -> bool:
        """Whether `poll` must be called during waits for data."""
        return self._waiting is not None

    def poll(self) -> None:
        """Call `waiting` if the last call was at least `POLL_INTERVAL` ago.

        Raises:
            CallAborted: It raised an exception.
        """
        now = SYSTEM_CLOCK.monotonic()
        if self._waiting is None or now < self._next_poll:
            return
        self._next_poll = now + POLL_INTERVAL
        try:
            self._waiting()
        except BaseException as error:
            raise CallAborted(error) from None

    def begin_opening(self, limit: float | None) -> None:
        """Start the limit that connect, proxy and TLS share."""
        self.stage = Stage.OPENING
        self._opening = Deadline(SYSTEM_CLOCK, limit)

    def begin_sending(self) -> None:
        """Start the limit that all parts of the request share, with the first part."""
        if self.stage is not Stage.SENDING:
            self.stage = Stage.SENDING
            self._sending = Deadline(SYSTEM_CLOCK, self._write_timeout)

    def next_opening_wait(self, shares: int = 1) -> float | None:
        """Seconds for the next step of opening, or for each of several attempts that share the time equally.

        Raises:
            TimeoutError: The time for opening is over.
        """
        left = _require_time(self._opening.remaining())
        return None if left is None else left / shares

    def next_sending_wait(self) -> float | None:
        """Seconds for the next part of the request; raises `TimeoutError` if none are left."""
        return _require_time(self.deadline.clip(self._sending.remaining()))

    def next_reading_wait(self) -> float | None:
        """Seconds for the next wait for data; raises `TimeoutError` if none are left."""
        return _require_time(self.deadline.clip(self.read_timeout))


def _require_time(limit: float | None) -> float | None:
    """Raise `TimeoutError` if no time is left: a socket timeout of 0 means non-blocking."""
    if limit is not None and limit <= 0:
        raise TimeoutError("no time left")
    return limit


#: The current attempt. Our pools and connections are only used within one.
current_trace: ContextVar[Trace] = ContextVar("octaspace_trace")


class tracing:  # noqa: N801  # reads as a statement: `with tracing(trace):`
    """Make a trace the current one for a block."""

    __slots__ = ("_token", "_trace")

    _token: Token[Trace]

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __enter__(self) -> Trace:
        self._token = current_trace.set(self._trace)
        return self._trace

    def __exit__(self, *exc_info: object) -> None:
        current_trace.reset(self._token)
