"""Which socket: the requests session of a client, a bound per endpoint, and their figures.

Waiting and counting stand here and not in the adapter, because libraries that mock requests replace
the adapter.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3 import PoolManager

from .clock import Clock
from .connection import PooledHTTPConnectionPool, PooledHTTPSConnectionPool, PoolPolicy, Trace
from .fork import start_anew_after_fork

__all__ = ["Pools"]


class Pools:
    """The sockets of one client and of the clients derived from it. Safe to share between threads.

    Args:
        urls: The endpoints.
        keep_alive: Whether connections outlive a request.
        pool_size: Most connections in use per endpoint, with `keep_alive`.
        idle_timeout: Seconds after which an idle connection is closed; None for never.
        clock: The clock for that.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        *,
        keep_alive: bool,
        pool_size: int,
        idle_timeout: float | None,
        clock: Clock,
    ) -> None:
        self._urls = urls
        self._size = pool_size
        self._policy = PoolPolicy(keep_alive=keep_alive, idle_timeout=idle_timeout, monotonic=clock.monotonic)
        self._start()
        start_anew_after_fork(self)

    @property
    def keep_alive(self) -> bool:
        return self._policy.keep_alive

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._slots = {url: _Slots(self._size) for url in self._urls}

    def after_fork_in_child(self) -> None:
        """Let go of the parent's sockets without a word on the wire, and begin with none."""
        for connection in list(self._policy.connections):
            sock, connection.sock = connection.sock, None
            if sock is not None and sock.fileno() >= 0:
                # detach() takes no lock, unlike closing the file objects that a reader may hold.
                os.close(sock.detach())
        self._policy.connections.clear()
        self._start()

    @property
    def session(self) -> requests.Session:
        """The session to send through, made at the first use."""
        if self._session is None:
            with self._lock:
                if self._session is None:
                    self._session = _new_session(self._policy, self._urls, self._size)
        return self._session

    def acquire(self, url: str, timeout: float | None) -> bool:
        """Take one of the endpoint's connections, or wait for one.

        Args:
            url: The endpoint.
            timeout: Longest wait in seconds; None waits for ever.

        Returns:
            False when the wait was in vain. Without keep-alive there is no bound and no wait.
        """
        return not self._policy.keep_alive or self._slots[url].acquire(timeout)

    def release(self, url: str, trace: Trace) -> None:
        """Give it back and count what the attempt did with it."""
        if self._policy.keep_alive:
            self._slots[url].release(opened=trace.opened, reused=trace.reused)

    def stats(self) -> dict[str, dict[str, int]]:
        """Size, use and history per endpoint; closes what has been idle too long on the way."""
        self.close_idle()
        return {url: slots.stats() for url, slots in self._slots.items()}

    def close_idle(self) -> None:
        """Close connections that have been idle too long."""
        session = self._session
        if session is None:
            return
        for adapter in session.adapters.values():
            if isinstance(adapter, PooledAdapter):
                adapter.close_idle()

    def close(self) -> None:
        """Close every socket; those in use are closed when their request ends."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()


class _Slots:
    """How many connections of an endpoint are in use, with a hard bound."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._in_use = 0
        self._created = 0
        self._reused = 0

    def acquire(self, timeout: float | None) -> bool:
        if not self._free.acquire(timeout=timeout):
            return False
        with self._lock:
            self._in_use += 1
        return True

    def release(self, *, opened: bool, reused: bool) -> None:
        with self._lock:
            self._in_use -= 1
            self._created += opened
            self._reused += reused
        self._free.release()

    def stats(self) -> dict[str, int]:
        with self._lock:
            return {
                "size": self._size,
                "available": self._size - self._in_use,
                "in_use": self._in_use,
                "created": self._created,
                "reused": self._reused,
            }


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
        # Behind a proxy all endpoints share one plain-http pool, so its size is that of all of them.
        super().__init__(pool_connections=max(10, endpoints), pool_maxsize=pool_size * endpoints)

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


def _new_session(policy: PoolPolicy, urls: tuple[str, ...], size: int) -> requests.Session:
    session = requests.Session()
    session.cookies = _NoCookies()
    adapter = PooledAdapter(policy, endpoints=len(urls), pool_size=size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
