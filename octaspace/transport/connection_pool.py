"""urllib3's pools for one host: connections that wait, for how long, and what ends them."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .connection import TracedHTTPConnection, TracedHTTPSConnection
from .trace import current_trace

__all__ = ["PoolPolicy", "PooledHTTPConnectionPool", "PooledHTTPSConnectionPool"]


class PoolPolicy:
    """What every urllib3 pool of one client obeys.

    Args:
        keep_alive: Whether connections outlive a request.
        idle_timeout: Seconds after which an idle one is closed; None for never.
        monotonic: The clock for that.
    """

    __slots__ = ("closed", "connections", "idle_timeout", "keep_alive", "monotonic")

    def __init__(
        self, *, keep_alive: bool, idle_timeout: float | None, monotonic: Callable[[], float]
    ) -> None:
        self.keep_alive = keep_alive
        self.idle_timeout = idle_timeout
        self.monotonic = monotonic
        #: From here on no connection outlives its request.
        self.closed = False
        #: Every connection alive, so that a forked child can let go of its parent's.
        self.connections: WeakSet[TracedHTTPConnection] = WeakSet()

    def idle_too_long(self, connection: TracedHTTPConnection, now: float) -> bool:
        return self.idle_timeout is not None and now - connection.idle_since >= self.idle_timeout


class _Waiting:
    """What urllib3 asks of a queue, last in first out, never blocking, without bound and without a lock.

    The bound is `octaspace.transport.pool`'s. A lock would be copied by a fork as it is, and one held by a
    thread that the child does not have would be held there for ever. What happens here is one step of a
    deque, which no thread can come between.
    """

    def __init__(self, maxsize: int) -> None:
        self._items: deque[Any] = deque()

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        try:
            return self._items.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:
        if item is not None:  # urllib3's word for a connection that it has yet to make
            self._items.append(item)

    def take_where(self, condition: Callable[[Any], bool]) -> list[Any]:
        """Remove those that fulfil a condition; one that another thread got first is left out."""
        taken = []
        for item in self._items.copy():
            if condition(item):
                try:
                    self._items.remove(item)
                except ValueError:
                    continue
                taken.append(item)
        return taken


class PooledHTTPConnectionPool(HTTPConnectionPool):
    """A urllib3 pool that closes what was idle too long, and everything at once without keep-alive.

    Args:
        policy: What it obeys.
        args: As `urllib3.HTTPConnectionPool`.
        kwargs: As `urllib3.HTTPConnectionPool`.
    """

    ConnectionCls = TracedHTTPConnection
    QueueCls: Any = _Waiting

    def __init__(self, *args: Any, policy: PoolPolicy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = policy
        self._looked_through = policy.monotonic()

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        self._policy.connections.add(connection)
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)  # closes one that the server has closed meanwhile
        if connection.sock is not None:
            refused = current_trace.get().new_connection
            if refused or self._policy.idle_too_long(connection, self._policy.monotonic()):
                connection.close()  # it is opened anew when it is used
        return connection

    def _put_conn(self, conn: Any) -> None:
        policy = self._policy
        if conn is None:
            return
        if policy.closed or not policy.keep_alive or conn.sock is None:
            conn.close()
            return
        conn.idle_since = now = policy.monotonic()
        super()._put_conn(conn)
        # The last one in is the first one out, so those below are seen only when somebody looks.
        if policy.idle_timeout is not None and now - self._looked_through >= policy.idle_timeout:
            self.close_idle()

    def close_idle(self) -> None:
        """Close what has been idle too long; nobody would find it before the next request does."""
        waiting: Any = self.pool
        if waiting is None:
            return
        self._looked_through = now = self._policy.monotonic()
        for connection in waiting.take_where(lambda one: self._policy.idle_too_long(one, now)):
            connection.close()


class PooledHTTPSConnectionPool(PooledHTTPConnectionPool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = TracedHTTPSConnection
