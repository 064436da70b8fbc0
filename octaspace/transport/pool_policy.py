"""The settings and the connections that all pools of one client share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

__all__ = ["PoolPolicy", "PooledConnection"]


class PooledConnection(Protocol):
    """What the policy uses of a connection."""

    opened_at: float
    idle_since: float

    def close_inherited(self) -> None: ...


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
        self.connections: WeakSet[PooledConnection] = WeakSet()

    def expired(self, connection: PooledConnection, now: float) -> bool:
        """Whether an idle connection has been idle for too long, or is too old to be reused."""
        return (self.idle_timeout is not None and now - connection.idle_since >= self.idle_timeout) or (
            self.max_age is not None and now - connection.opened_at >= self.max_age
        )
