"""urllib3 connections and pools that say how far a request got, and keep our limits.

`Trace` is one attempt's record: the stage it reached decides whether a failure may be tried again.
urllib3 calls its own pool and connection objects in the calling thread, so the trace of the attempt
under way stands in a context variable: one per thread, and one per greenlet even where gevent came too
late to replace `threading.local`.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar, Token
from enum import IntEnum
from http.client import HTTPResponse
from typing import Any
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .clock import SYSTEM_CLOCK, Deadline

__all__ = ["PoolPolicy", "PooledHTTPConnectionPool", "PooledHTTPSConnectionPool", "Stage", "Trace", "tracing"]


class Stage(IntEnum):
    """How far an attempt got. Up to OPEN nothing of the request can have reached a server."""

    NONE = 0  # no connection of ours was asked for: a mock, or a failure before it
    OPENING = 1  # DNS, connect, proxy, TLS handshake
    OPEN = 2  # connected, nothing sent
    SENDING = 3  # the first byte may be on its way
    WAITING = 4  # sent; the status line and the headers are awaited
    READING = 5  # the body is being read


class Trace:
    """What one attempt may take and how far it got.

    Args:
        new_connection: Refuse to reuse a connection.
        read_timeout: Seconds for each wait for data.
        write_timeout: Seconds for sending the whole request.
        deadline: The end of the whole call.
    """

    __slots__ = ("deadline", "new_connection", "opened", "read_timeout", "reused", "stage", "write_until")

    def __init__(
        self,
        *,
        new_connection: bool,
        read_timeout: float | None,
        write_timeout: float | None,
        deadline: Deadline,
    ) -> None:
        self.stage = Stage.NONE
        self.opened = False
        self.reused = False
        self.new_connection = new_connection
        self.read_timeout = read_timeout
        self.write_until: float | Deadline | None = write_timeout  # becomes a deadline with the first byte
        self.deadline = deadline

    def begin_sending(self) -> float | None:
        """Seconds left for sending."""
        if self.stage is not Stage.SENDING:
            self.stage = Stage.SENDING
            if isinstance(self.write_until, (int, float)):
                self.write_until = Deadline(SYSTEM_CLOCK, self.write_until)
        left = self.write_until.remaining() if isinstance(self.write_until, Deadline) else None
        return self.deadline.clip(left)


_current: ContextVar[Trace | None] = ContextVar("octaspace_trace", default=None)


class tracing:  # noqa: N801  # reads as a statement: `with tracing(trace):`
    """Make a trace the current one for a block."""

    __slots__ = ("_token", "_trace")

    _token: Token[Trace | None]

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def __enter__(self) -> Trace:
        self._token = _current.set(self._trace)
        return self._trace

    def __exit__(self, *exc_info: object) -> None:
        _current.reset(self._token)


class _TracedConnection(HTTPConnection):
    """Reports each stage to the current trace and bounds the sending."""

    #: When it was put back, on the clock of its pool's policy.
    idle_since: float = 0.0

    def connect(self) -> None:
        trace = _current.get()
        if trace is None:
            super().connect()
            return
        trace.stage = Stage.OPENING
        super().connect()
        trace.stage = Stage.OPEN
        trace.opened = True

    def send(self, data: Any) -> None:
        trace = _current.get()
        if trace is None or trace.stage is Stage.OPENING:  # OPENING: the CONNECT for a proxy's tunnel
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        elif not trace.opened:
            trace.reused = True
        limit = trace.begin_sending()
        if limit is not None and limit <= 0:
            raise TimeoutError("no time left for sending")
        self.sock.settimeout(limit)
        super().send(data)

    def getresponse(self) -> Any:
        trace = _current.get()
        if trace is not None:
            trace.stage = Stage.WAITING
            if trace.deadline.limit is not None:
                self.response_class = _deadline_response(trace)  # type: ignore[assignment]
        try:
            return super().getresponse()
        finally:
            self.__dict__.pop("response_class", None)


class _TracedHTTPSConnection(_TracedConnection, HTTPSConnection):
    """The same over TLS; the handshake belongs to the stage OPENING."""


def _deadline_response(trace: Trace) -> Callable[..., HTTPResponse]:
    """A response class whose every wait for data also ends with the call's deadline.

    A socket timeout alone bounds each wait and not their sum: a server that sends one byte a second
    would never time out.
    """

    def make(sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        response = HTTPResponse(sock, *args, **kwargs)
        response.fp.close()
        response.fp = io.BufferedReader(_DeadlineReader(sock, trace))
        return response

    return make


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, trace: Trace) -> None:
        self._sock = sock
        self._trace = trace
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit = self._trace.deadline.clip(self._trace.read_timeout)
        if limit is not None and limit <= 0:
            raise TimeoutError("the time for the whole call is over")
        self._sock.settimeout(limit)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class PoolPolicy:
    """What every urllib3 pool of one client obeys.

    Args:
        keep_alive: Whether connections outlive a request.
        idle_timeout: Seconds after which an idle one is closed; None for never.
        monotonic: The clock for that.
    """

    __slots__ = ("connections", "idle_timeout", "keep_alive", "monotonic")

    def __init__(
        self, *, keep_alive: bool, idle_timeout: float | None, monotonic: Callable[[], float]
    ) -> None:
        self.keep_alive = keep_alive
        self.idle_timeout = idle_timeout
        self.monotonic = monotonic
        #: Every connection alive, so that a forked child can let go of its parent's.
        self.connections: WeakSet[HTTPConnection] = WeakSet()

    def idle_too_long(self, connection: HTTPConnection) -> bool:
        if self.idle_timeout is None:
            return False
        since: float = getattr(connection, "idle_since", 0.0)
        return self.monotonic() - since >= self.idle_timeout


class PooledHTTPConnectionPool(HTTPConnectionPool):
    """A urllib3 pool that closes what was idle too long, and everything at once without keep-alive.

    Args:
        policy: What it obeys.
        args: As `urllib3.HTTPConnectionPool`.
        kwargs: As `urllib3.HTTPConnectionPool`.
    """

    ConnectionCls = _TracedConnection

    def __init__(self, *args: Any, policy: PoolPolicy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = policy

    def _new_conn(self) -> Any:
        connection = super()._new_conn()
        self._policy.connections.add(connection)  # type: ignore[arg-type]
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        trace = _current.get()
        refused = trace is not None and trace.new_connection
        if connection.sock is not None and (refused or self._policy.idle_too_long(connection)):
            connection.close()  # urllib3 connects it anew when it is next used
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is None:
            super()._put_conn(conn)
            return
        if not self._policy.keep_alive:
            conn.close()
            return
        conn.idle_since = self._policy.monotonic()
        super()._put_conn(conn)

    def close_idle(self) -> None:
        """Close what has been idle too long; nobody would find it before the next request does."""
        waiting = self.pool
        if waiting is None:
            return
        # gevent's queue has no lock, for nobody else runs before this loop ends.
        with getattr(waiting, "mutex", nullcontext()):
            for connection in waiting.queue:
                opened = connection is not None and connection.sock is not None
                if opened and self._policy.idle_too_long(connection):
                    connection.close()


class PooledHTTPSConnectionPool(PooledHTTPConnectionPool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _TracedHTTPSConnection
