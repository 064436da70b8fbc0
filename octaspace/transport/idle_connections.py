"""The idle connections of one host: which are kept, which are reused, and when they are closed."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any

from .connection import TracedHTTPConnection
from .pool_policy import PoolPolicy
from .trace import current_trace

__all__ = ["IdleConnections"]


class IdleConnections:
    """The queue interface that urllib3 uses: last in, first out, non-blocking, unbounded, without a lock.

    `octaspace.transport.pool` limits the number of connections. A fork copies a lock in its current state:
    one held by a thread of the parent would never be released in the child. Each step is an atomic
    operation of a deque.

    Args:
        maxsize: Not used.
        policy: The settings of the client.
        is_recorded: Whether a recorder such as vcrpy creates the connections at the moment.
    """

    def __init__(self, maxsize: int, *, policy: PoolPolicy, is_recorded: Callable[[], bool]) -> None:
        self._items: deque[TracedHTTPConnection] = deque()
        self._policy = policy
        self._is_recorded = is_recorded
        self._last_sweep = policy.monotonic()

    def get(self, block: bool = False, timeout: float | None = None) -> TracedHTTPConnection:
        """Take the connection that was used last.

        Raises:
            queue.Empty: None can be reused; urllib3 creates one.
        """
        policy = self._policy
        try:
            connection = self._items.pop()
        except IndexError:
            raise queue.Empty from None
        trace = current_trace.get(None)
        if trace is not None and (
            trace.new_connection or policy.expired(connection, policy.monotonic()) or self._is_recorded()
        ):
            connection.close()
            raise queue.Empty
        return connection

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:
        """Keep a connection for the next request if that is possible, otherwise close it."""
        if item is None:  # urllib3's placeholder for a connection not yet created
            return
        policy = self._policy
        if (
            policy.closed
            or not policy.keep_alive
            or not isinstance(item, TracedHTTPConnection)  # a recorder's
            or item.sock is None
            or current_trace.get().surplus
            or item.holds_bytes()
        ):
            item.close()
            return
        item.idle_since = now = policy.monotonic()
        self._items.append(item)
        # Last in, first out: connections further down expire unnoticed without this.
        if policy.idle_timeout is not None and now - self._last_sweep >= policy.idle_timeout:
            self.close_expired()

    def qsize(self) -> int:
        return len(self._items)

    def close_expired(self) -> None:
        """Close expired connections, which would otherwise stay open until the next request."""
        self._last_sweep = now = self._policy.monotonic()
        for connection in self._items.copy():
            if self._policy.expired(connection, now):
                try:
                    self._items.remove(connection)
                except ValueError:  # another thread has taken it
                    continue
                connection.close()
