"""The requests session that all requests go through, on urllib3 pools of our own."""

from __future__ import annotations

from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3 import PoolManager

from .connection_pool import PooledHTTPConnectionPool, PooledHTTPSConnectionPool, PoolPolicy

__all__ = ["PooledAdapter", "new_session"]


class PooledAdapter(HTTPAdapter):
    """requests' adapter over our urllib3 pools.

    Args:
        policy: What the pools obey.
        endpoints: How many hosts to keep pools for.
        pool_size: Connections kept per host.
    """

    def __init__(self, policy: PoolPolicy, *, endpoints: int, pool_size: int) -> None:
        self._pool_classes = {
            "http": partial(PooledHTTPConnectionPool, policy=policy),
            "https": partial(PooledHTTPSConnectionPool, policy=policy),
        }
        super().__init__(pool_connections=max(10, endpoints), pool_maxsize=pool_size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._adopt(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # PySocks brings pool classes of its own
            self._adopt(manager)
        return manager

    def _adopt(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pool_classes  # type: ignore[assignment]

    def close_idle(self) -> None:
        for manager in [self.poolmanager, *self.proxy_manager.values()]:
            for key in manager.pools.keys():  # noqa: SIM118  # urllib3's container is not iterable
                pool = manager.pools.get(key)
                if isinstance(pool, PooledHTTPConnectionPool):
                    pool.close_idle()


class _NoCookies(RequestsCookieJar):
    """A jar that stays empty: two keys must never share what a server remembers of one of them."""

    def extract_cookies(self, *args: Any, **kwargs: Any) -> None:
        return None


class _Session(requests.Session):
    """A session that sends, and looks into no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies = _NoCookies()

    def get_redirect_target(self, resp: Any) -> None:
        # Even where redirects are not followed, requests prepares the next request: it reads the whole
        # body into memory, and an address it cannot parse is an error of its own.
        return None


def new_session(policy: PoolPolicy, *, endpoints: int, pool_size: int) -> requests.Session:
    """Make a session.

    Args:
        policy: What its pools obey.
        endpoints: How many hosts it has to keep pools for.
        pool_size: Connections that a SOCKS proxy's pool may keep per host; ours are bounded in `pool`.
    """
    session = _Session()
    adapter = PooledAdapter(policy, endpoints=endpoints, pool_size=pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
