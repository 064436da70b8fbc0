"""How far an attempt got, and how long its next wait may take.

The stage an attempt reached decides whether a failure may be tried again. urllib3 calls its own pool and
connection objects in the calling thread, so the trace of the attempt under way stands in a context
variable: one per thread, and one per greenlet even where gevent came too late to replace
`threading.local`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from enum import IntEnum
from typing import Final

from .clock import SYSTEM_CLOCK, Deadline

__all__ = ["BETWEEN_LOOKS", "Stage", "Trace", "Unwanted", "current_trace", "tracing"]

#: Seconds between two looks whether an answer is wanted still.
BETWEEN_LOOKS: Final = 0.5

_NO_LIMIT: Final = Deadline(SYSTEM_CLOCK)


class Stage(IntEnum):
    """How far an attempt got. Up to OPEN nothing of the request can have reached a server."""

    NONE = 0  # no connection of ours was asked for: a mock, or a failure before it
    OPENING = 1  # DNS, connect, proxy, TLS handshake
    OPEN = 2  # connected, nothing sent
    SENDING = 3  # the first byte may be on its way
    WAITING = 4  # sent; the status line and the headers are awaited
    READING = 5  # the body is being read


class Unwanted(Exception):  # noqa: N818  # nothing has failed: the caller ended the call
    """Brings what `Trace.look` has met past the libraries: they take an OSError for one of the network.

    Attributes:
        error: What the caller raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Trace:
    """One attempt's record and limits. Its waits are real ones, so they go by the system's clock.

    Args:
        new_connection: Refuse to reuse a connection.
        read_timeout: Seconds for each wait for data.
        write_timeout: Seconds for sending the whole request.
        deadline: The end of the whole call.
        waiting: Called about twice a second while the answer is awaited and read, or None. What it raises
            ends the attempt.

    Attributes:
        stage: How far it got.
        opened: Whether it opened a connection.
        reused: Whether it was sent on a connection that had served another request.
        surplus: Whether bytes came behind the end of the answer. They would be taken for the next one.
    """

    __slots__ = (
        "_next_look",
        "_opening",
        "_sending",
        "_waiting",
        "_write_timeout",
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
        self.new_connection = new_connection
        self.read_timeout = read_timeout
        self.deadline = deadline
        self._write_timeout = write_timeout
        self._opening = self._sending = _NO_LIMIT
        self._waiting = waiting
        self._next_look = 0.0 if waiting is None else SYSTEM_CLOCK.monotonic() + BETWEEN_LOOKS

    @property
    def has_limits(self) -> bool:
        """Whether a wait for data has more limits than the socket's own timeout."""
        return self.deadline.limit is not None or self._waiting is not None

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks, while data is awaited, if it is wanted still."""
        return self._waiting is not None

    def look(self) -> None:
        """Call `waiting` when the last time was long enough ago.

        Raises:
            Unwanted: It has raised something.
        """
        now = SYSTEM_CLOCK.monotonic()
        if self._waiting is None or now < self._next_look:
            return
        self._next_look = now + BETWEEN_LOOKS
        try:
            self._waiting()
        except BaseException as error:
            raise Unwanted(error) from None

    def begin_opening(self, limit: float | None) -> None:
        """Connect, proxy and TLS share one limit from here on."""
        self.stage = Stage.OPENING
        self._opening = Deadline(SYSTEM_CLOCK, limit)

    def begin_sending(self) -> None:
        """The parts of a request share one limit from the first on."""
        if self.stage is not Stage.SENDING:
            self.stage = Stage.SENDING
            self._sending = Deadline(SYSTEM_CLOCK, self._write_timeout)

    def next_opening_wait(self, shares: int = 1) -> float | None:
        """Seconds for the next step of opening, or for one of several that are to have as long each.

        Raises:
            TimeoutError: The time for opening is over.
        """
        left = _some(self._opening.remaining())
        return None if left is None else left / shares

    def next_sending_wait(self) -> float | None:
        """Seconds for the next part of the request; raises `TimeoutError` when there are none."""
        return _some(self.deadline.clip(self._sending.remaining()))

    def next_reading_wait(self) -> float | None:
        """Seconds for the next wait for data; raises `TimeoutError` when there are none."""
        return _some(self.deadline.clip(self.read_timeout))


def _some(limit: float | None) -> float | None:
    """A timeout of 0 would make a socket give up at once with an error that is no timeout."""
    if limit is not None and limit <= 0:
        raise TimeoutError("no time left")
    return limit


#: The attempt under way. Our pools and connections are used within one, never outside.
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
