"""urllib3's pools for one host: connections that wait, for how long, and what ends them."""

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
    """What every urllib3 pool of one client obeys.

    Args:
        keep_alive: Whether connections outlive a request.
        idle_timeout: Seconds after which an idle one is closed; None for never.
        max_age: Seconds after which one is not reused, however busy it was; None for any age.
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
        #: The address that was spoken to last, and whether it answered, of hosts that have several; by host
        #: and port.
        self.known_addresses: dict[tuple[str, int], tuple[Any, bool]] = {}
        #: From here on no connection outlives its request.
        self.closed = False
        #: Every connection alive, so that a forked child can let go of its parent's.
        self.connections: WeakSet[TracedHTTPConnection] = WeakSet()

    def expired(self, connection: TracedHTTPConnection, now: float) -> bool:
        """Whether a waiting connection has been idle for too long, or is too old to be reused."""
        return (self.idle_timeout is not None and now - connection.idle_since >= self.idle_timeout) or (
            self.max_age is not None and now - connection.opened_at >= self.max_age
        )


class _Waiting:
    """What urllib3 asks of a queue, last in first out, never blocking, without bound and without a lock.

    The bound is `octaspace.transport.pool`'s. A lock would be copied by a fork as it is, and one held by a
    thread that the child does not have would be held there forever. What happens here is one step of a
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

    def qsize(self) -> int:
        return len(self._items)

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

    QueueCls: Any = _Waiting

    #: The class of our connections, the urllib3 pool beneath this one, and what that one makes of itself.
    own_class: ClassVar[Any] = TracedHTTPConnection
    stock_pool: ClassVar[Any] = HTTPConnectionPool
    stock_class: ClassVar[Any] = StockHTTPConnection

    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        """Ours, unless a recorder such as vcrpy has put a class of its own into urllib3's pool."""
        current = self.stock_pool.ConnectionCls
        return self.own_class if current is self.stock_class else current

    def __init__(self, *args: Any, policy: PoolPolicy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = policy
        self._looked_through = policy.monotonic()
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
            # A recorder begins or ends: what waits belongs to the time before.
            self._current_class = current
            self._close_where(lambda one: type(one) is not current)
        connection: Any = super()._get_conn(timeout)  # closes one that the server has closed meanwhile
        policy = self._policy
        now = policy.monotonic()
        if connection.sock is not None and (
            not policy.keep_alive or current_trace.get().new_connection or policy.expired(connection, now)
        ):
            connection.close()
        if connection.sock is None:
            connection.opened_at = now  # it is opened when it is used
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
        # The last one in is the first one out, so those below are seen only when somebody looks.
        if policy.idle_timeout is not None and now - self._looked_through >= policy.idle_timeout:
            self.close_idle()

    def _has_surplus(self, connection: Any) -> bool:
        """Whether bytes came behind the end of the answer."""
        return current_trace.get().surplus

    def close_idle(self) -> None:
        """Close what has expired; nobody would find it before the next request does."""
        self._looked_through = now = self._policy.monotonic()
        self._close_where(lambda one: self._policy.expired(one, now))

    def _close_where(self, condition: Callable[[Any], bool]) -> None:
        waiting: Any = self.pool
        if waiting is not None:
            for connection in waiting.take_where(condition):
                connection.close()


class PooledHTTPSConnectionPool(PooledHTTPConnectionPool, HTTPSConnectionPool):  # type: ignore[override]
    """The same over TLS."""

    own_class: ClassVar[Any] = TracedHTTPSConnection
    stock_pool = HTTPSConnectionPool
    stock_class = StockHTTPSConnection

    def _has_surplus(self, connection: Any) -> bool:
        return super()._has_surplus(connection) or _holds_bytes(connection.sock)


def _holds_bytes(sock: Any) -> bool:
    """Whether bytes of the server wait inside TLS, where no poll of the socket sees them.

    A record may hold more than the answer, and so may what was read from the network at once. A socket that
    does not say what it holds is taken to hold something: a connection less is reused, and no answer crossed.
    """
    pending = getattr(sock, "pending", None)
    if pending is not None:  # Python's own
        return bool(pending())
    if hasattr(sock, "sslobj"):  # urllib3's TLS within TLS, to an https proxy
        return bool(sock.sslobj.pending() or sock.incoming.pending) or _holds_bytes(sock.socket)
    pending = getattr(getattr(sock, "connection", None), "pending", None)  # pyOpenSSL's, as urllib3 wraps it
    return pending is None or bool(pending())
