"""The requests session of a client, the connection limit per endpoint, and statistics.

Waiting and counting happen here and not in the adapter, because libraries that mock requests replace the
adapter.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final

import requests
from requests.utils import select_proxy

from ..fork import register_after_fork
from .clock import SYSTEM_CLOCK, Clock
from .pool_policy import PoolPolicy
from .session import PooledAdapter, new_session
from .tls import TLSContexts
from .trace import Trace

__all__ = ["Pools"]


class Pools:
    """The sockets of one client and of the clients derived from it. Safe to share between threads.

    Args:
        urls: The endpoints.
        keep_alive: Whether connections outlive a request.
        pool_size: Maximum number of connections in use per endpoint, with `keep_alive`.
        idle_timeout: Seconds after which an idle connection is closed; None for no limit.
        max_connection_age: Age in seconds from which a connection is not reused; None for no limit.
        ssl_verify: `Config.ssl_verify`.
        clock: The clock for idle times and ages.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        *,
        keep_alive: bool,
        pool_size: int,
        idle_timeout: float | None,
        max_connection_age: float | None,
        ssl_verify: bool | str,
        clock: Clock,
    ) -> None:
        self._urls = urls
        self._size = pool_size
        self._ssl_verify = ssl_verify
        self._contexts = TLSContexts()
        self._policy = PoolPolicy(
            keep_alive=keep_alive,
            idle_timeout=idle_timeout,
            max_age=max_connection_age,
            monotonic=clock.monotonic,
        )
        self._start()
        register_after_fork(self)

    def _start(self) -> None:
        # Reentrant: a signal handler may call the SDK while its thread holds it.
        self._lock = threading.RLock()
        self._session: requests.Session | None = None
        self._close_session: weakref.finalize[[], Pools] | None = None
        self._environment: dict[str, dict[str, Any]] = {}
        self._slots = {url: _Slots(self._size) for url in self._urls}

    def after_fork_in_child(self) -> None:
        """Close the copies of the parent's sockets without sending anything, and start without sockets."""
        for connection in list(self._policy.connections):
            connection.close_inherited()
        self._policy.connections.clear()
        if self._close_session is not None:
            self._close_session.detach()
        self._start()

    @property
    def keep_alive(self) -> bool:
        return self._policy.keep_alive

    @property
    def closed(self) -> bool:
        return self._policy.closed

    @property
    def session(self) -> requests.Session:
        """The session to send through, created on first use."""
        session = self._session  # once: a signal handler may close it between any two lines
        if session is None:
            with self._lock:
                session = self._session
                if session is None:
                    session = new_session(
                        self._policy, self._contexts, endpoints=len(self._urls), pool_size=self._size
                    )
                    # Closes the sockets of a client that is deleted without `close()`.
                    self._close_session = weakref.finalize(self, session.close)
                    self._session = session
        return session

    def environment(self, url: str) -> dict[str, Any]:
        """Proxies and CA bundle for an endpoint, as `Session.send` takes them.

        The environment is read once, on first use.
        """
        settings = self._environment.get(url)
        if settings is None:
            settings = dict(self.session.merge_environment_settings(url, {}, None, self._ssl_verify, None))
            del settings["stream"]
            self._environment[url] = settings
        return settings

    def proxy(self, url: str) -> str | None:
        """The proxy for an endpoint, including user info; None without a proxy, or before the first use."""
        settings = self._environment.get(url)
        return None if settings is None else select_proxy(url, settings["proxies"])

    def acquire(self, url: str, timeout: float | None, trace: Trace) -> bool:
        """Acquire one of the endpoint's connections, or wait for one.

        Args:
            url: The endpoint.
            timeout: Maximum wait in seconds; None waits without a limit.
            trace: Records the wait, and the number of connections in use.

        Returns:
            False if the wait timed out. Without keep-alive there is no limit and no wait.
        """
        return not self._policy.keep_alive or self._slots[url].acquire(timeout, trace)

    def release(self, url: str, trace: Trace) -> None:
        """Release the connection and count how the attempt used it."""
        if self._policy.keep_alive:
            self._slots[url].release(trace)

    def stats(self) -> dict[str, dict[str, int]]:
        """Size, use and history per endpoint. Also closes connections that have been idle too long."""
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
        """Close every socket; those in use are closed when their request ends. Idempotent."""
        self._policy.closed = True
        self.reset()

    def reset(self) -> None:
        """Like `close`, but later requests open new sockets."""
        with self._lock:
            close_session, self._close_session, self._session = self._close_session, None, None
        if close_session is not None:
            close_session()


#: Seconds until a caller that waits for a connection looks again.
_LONGEST_WAIT: Final = 1.0


class _Slots:
    """Counts and limits the connections of an endpoint in use.

    Its lock is reentrant, which that of `threading.Semaphore` is not: a signal handler may call the SDK while
    its thread holds it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition(threading.RLock())
        #: Not a number: an interrupt between two lines must not take a connection away.
        self._users: set[Trace] = set()
        self._created = 0
        self._reused = 0

    def acquire(self, timeout: float | None, trace: Trace) -> bool:
        with self._changed:
            is_free = len(self._users) < self._size or self._wait(timeout, trace)
            if is_free:
                self._users.add(trace)
            trace.connections_in_use = len(self._users)
        return is_free

    def _wait(self, timeout: float | None, trace: Trace) -> bool:
        """Wait for a free connection; False if the time is over."""
        began = SYSTEM_CLOCK.monotonic()
        while len(self._users) >= self._size:
            waited = SYSTEM_CLOCK.monotonic() - began
            left = _LONGEST_WAIT if timeout is None else timeout - waited
            if left <= 0:
                break
            # In pieces: a signal handler may take the notification between the check and the wait.
            self._changed.wait(min(left, _LONGEST_WAIT))
        trace.connection_wait = SYSTEM_CLOCK.monotonic() - began
        return len(self._users) < self._size

    def release(self, trace: Trace) -> None:
        with self._changed:
            if trace not in self._users:  # it has not got a connection
                return
            self._created += trace.opened
            self._reused += trace.reused
            self._users.discard(trace)
            self._changed.notify()

    def stats(self) -> dict[str, int]:
        with self._changed:
            return {
                "size": self._size,
                "available": self._size - len(self._users),
                "in_use": len(self._users),
                "created": self._created,
                "reused": self._reused,
            }
