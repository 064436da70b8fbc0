"""urllib3 pools for one host: idle connections, their limits, and when they are closed."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakSet

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .connection import TracedHTTPConnection, TracedHTTPSConnection
from .stock_classes import StockHTTPConnection, StockHTTPSConnection
from .trace import current_trace

__all__ = ["PoolPolicy", "PooledHTTPConnectionPool", "PooledHTTPSConnectionPool"]


class PoolPolicy:
    """The settings of every urllib3 pool of one client.

    Args:
        keep_alive: Whether connections outlive a request.
        idle_timeout: Seconds after which an idle connection is closed; None for no limit.
        max_age: Age in seconds from which a connection is not reused, even if busy; None for no limit.
        monotonic: The clock for both.
    """

    __slots__ = (
        "closed", "connections", "idle_timeout", "keep_alive", "known_addresses", "max_age", "monotonic",
    )  # fmt: skip

    def __init__(
        self,
        *,
        keep_alive: bool,
        idle_timeout: float | None,
        max_age: float | None,
        monotonic: Callable[[], float],
    ) -> None:
        self.keep_alive = keep_alive
        self.idle_timeout = idle_timeout
        self.max_age = max_age
        self.monotonic = monotonic
        #: By host and port, for hosts with several addresses: the address that was used last, and whether it
        #: responded.
        self.known_addresses: dict[tuple[str, int], tuple[Any, bool]] = {}
        #: Once True, connections are closed after their request.
        self.closed = False
        #: All existing connections, so that a forked child can close its copies.
        self.connections: WeakSet[TracedHTTPConnection] = WeakSet()

    def expired(self, connection: TracedHTTPConnection, now: float) -> bool:
        """Whether an idle connection has been idle for too long, or is too old to be reused."""
        return (self.idle_timeout is not None and now - connection.idle_since >= self.idle_timeout) or (
            self.max_age is not None and now - connection.opened_at >= self.max_age
        )


class _IdleConnections:
    """The queue interface that urllib3 uses: last in, first out, non-blocking, unbounded, without a lock.

    `octaspace.transport.pool` limits the number of connections. A fork copies a lock in its current state:
    one held by a thread of the parent would never be released in the child. Each step is an atomic
    operation of a deque.
    """

    def __init__(self, maxsize: int) -> None:
        self._items: deque[Any] = deque()

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        try:
            return self._items.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:
        if item is not None:  # urllib3's placeholder for a connection not yet created
            self._items.append(item)

    def qsize(self) -> int:
        return len(self._items)

    def take_where(self, condition: Callable[[Any], bool]) -> list[Any]:
        """Remove and return the items that match; skip those that another thread takes first."""
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
    """A urllib3 pool that closes connections idle for too long, or at once without keep-alive.

    Args:
        policy: Its settings.
        args: As `urllib3.HTTPConnectionPool`.
        kwargs: As `urllib3.HTTPConnectionPool`.
    """

    QueueCls: Any = _IdleConnections

    #: Our connection class, urllib3's pool class, and the connection class that one creates by default.
    own_class: ClassVar[Any] = TracedHTTPConnection
    stock_pool: ClassVar[Any] = HTTPConnectionPool
    stock_class: ClassVar[Any] = StockHTTPConnection

    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        """Our class, unless a recorder such as vcrpy has replaced the class in urllib3's pool."""
        current = self.stock_pool.ConnectionCls
        return self.own_class if current is self.stock_class else current

    def __init__(self, *args: Any, policy: PoolPolicy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = policy
        self._last_sweep = policy.monotonic()
        self._current_class = self.ConnectionCls

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        if isinstance(connection, TracedHTTPConnection):
            connection.known_addresses = self._policy.known_addresses
            self._policy.connections.add(connection)
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        current = self.ConnectionCls
        if current is not self._current_class:
            # A recorder starts or stops: close the idle connections of the other class.
            self._current_class = current
            self._close_where(lambda idle: type(idle) is not current)
        connection: Any = super()._get_conn(timeout)  # closes it if the server has closed it
        policy = self._policy
        now = policy.monotonic()
        if connection.sock is not None and (
            not policy.keep_alive or current_trace.get().new_connection or policy.expired(connection, now)
        ):
            connection.close()
        if connection.sock is None:
            connection.opened_at = now  # it opens on first use
        return connection

    def _put_conn(self, conn: Any) -> None:
        policy = self._policy
        if conn is None:
            return
        if (
            policy.closed
            or not policy.keep_alive
            or conn.sock is None
            or type(conn) is not self._current_class
            or self._has_surplus(conn)
        ):
            conn.close()
            return
        conn.idle_since = now = policy.monotonic()
        super()._put_conn(conn)
        # Last in, first out: connections further down expire unnoticed without this.
        if policy.idle_timeout is not None and now - self._last_sweep >= policy.idle_timeout:
            self.close_idle()

    def _has_surplus(self, connection: Any) -> bool:
        """Whether bytes followed the end of the response."""
        return current_trace.get().surplus

    def close_idle(self) -> None:
        """Close expired connections, which would otherwise stay open until the next request."""
        self._last_sweep = now = self._policy.monotonic()
        self._close_where(lambda idle: self._policy.expired(idle, now))

    def _close_where(self, condition: Callable[[Any], bool]) -> None:
        idle: Any = self.pool
        if idle is not None:
            for connection in idle.take_where(condition):
                connection.close()


class PooledHTTPSConnectionPool(PooledHTTPConnectionPool, HTTPSConnectionPool):  # type: ignore[override]
    """The same over TLS."""

    own_class: ClassVar[Any] = TracedHTTPSConnection
    stock_pool = HTTPSConnectionPool
    stock_class = StockHTTPSConnection

    def _has_surplus(self, connection: Any) -> bool:
        return super()._has_surplus(connection) or _holds_bytes(connection.sock)


def _holds_bytes(sock: Any) -> bool:
    """Whether TLS has buffered bytes of the server, which polling the socket does not show.

    A TLS record, or one read from the network, may contain more than the response. A socket that cannot tell
    is treated as one with buffered bytes: its connection is not reused, and responses cannot be mixed up.
    """
    pending = getattr(sock, "pending", None)
    if pending is not None:  # the standard library's
        return bool(pending())
    if hasattr(sock, "sslobj"):  # urllib3's TLS in TLS, for an https proxy
        return bool(sock.sslobj.pending() or sock.incoming.pending) or _holds_bytes(sock.socket)
    pending = getattr(getattr(sock, "connection", None), "pending", None)  # pyOpenSSL's, as urllib3 wraps it
    return pending is None or bool(pending())
