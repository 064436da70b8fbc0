"""urllib3 pools for one host, with our connections."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .connection import TracedHTTPConnection, TracedHTTPSConnection
from .idle_connections import IdleConnections
from .pool_policy import PoolPolicy
from .request_head import HeadEncoder
from .reused_connection import reuse
from .stock_classes import StockHTTPConnection, StockHTTPSConnection

__all__ = ["PooledHTTPConnectionPool", "PooledHTTPSConnectionPool"]


class PooledHTTPConnectionPool(HTTPConnectionPool):
    """A urllib3 pool that closes connections idle for too long, or at once without keep-alive.

    Args:
        policy: Its settings.
        args: As `urllib3.HTTPConnectionPool`.
        kwargs: As `urllib3.HTTPConnectionPool`.
    """

    #: Our connection class, urllib3's pool class, and the connection class that one creates by default.
    own_class: ClassVar[Any] = TracedHTTPConnection
    stock_pool: ClassVar[Any] = HTTPConnectionPool
    stock_class: ClassVar[Any] = StockHTTPConnection

    def __init__(self, *args: Any, policy: PoolPolicy, **kwargs: Any) -> None:
        self._create_connection = partial(self.own_class, policy=policy)
        # Nothing here refers to this pool: urllib3 closes the connections when the pool is deleted.
        self._create_queue = partial(IdleConnections, policy=policy, is_recorded=self._is_recorded)
        super().__init__(*args, **kwargs)
        self._heads: HeadEncoder | None = None

    @property
    def heads(self) -> HeadEncoder:
        """Encodes the heads of requests, created on first use."""
        if self._heads is None:
            self._heads = HeadEncoder(self.scheme, self.host, self.port)
        return self._heads

    @property
    def QueueCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        return self._create_queue

    @property
    def ConnectionCls(self) -> Any:  # type: ignore[override]  # noqa: N802  # urllib3's name
        """Our class, unless a recorder such as vcrpy has replaced the class in urllib3's pool."""
        return self.stock_pool.ConnectionCls if self._is_recorded() else self._create_connection

    @classmethod
    def _is_recorded(cls) -> bool:
        return cls.stock_pool.ConnectionCls is not cls.stock_class

    def urlopen(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Send on an idle connection in few steps if that is possible; everything else is urllib3's."""
        response: Any = reuse(self, self.heads, method, url, body, headers, options)
        if response is None:
            response = super().urlopen(method, url, body, headers, **options)
        return response

    def close_expired(self) -> None:
        """Close idle connections that cannot be reused."""
        idle: Any = self.pool
        if idle is not None:
            idle.close_expired()


class PooledHTTPSConnectionPool(PooledHTTPConnectionPool, HTTPSConnectionPool):  # type: ignore[override]
    """The same over TLS."""

    own_class: ClassVar[Any] = TracedHTTPSConnection
    stock_pool = HTTPSConnectionPool
    stock_class = StockHTTPSConnection
