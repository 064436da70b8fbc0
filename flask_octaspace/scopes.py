"""Where clients live: one per app and process, or as many as an app context asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Flask, g, has_app_context

from octaspace import Config
from octaspace.transport.fork import register_after_fork

from .client import AppClient, ContextClient

__all__ = ["AppScope", "ContextScope", "current_scope"]

#: Name of the `ContextScope` on the `g` of its context.
_ON_G = "_octaspace"


class AppScope:
    """The client of an app in this process. A forked child begins without one."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Forget the parent's client: it may have been made before gevent changed what locks are."""
        # Reentrant, because a signal handler may close while this very thread is in get().
        self._lock = threading.RLock()
        self._client: AppClient | None = None

    def get(self, make: Callable[[], AppClient]) -> AppClient:
        """The client; a new one when there is none or somebody closed it."""
        client = self._client
        if client is None or client.closed:
            with self._lock:
                client = self._client
                if client is None or client.closed:
                    client = self._client = make()
        return client

    def close(self) -> None:
        """Close the client, if there is one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


class ContextScope:
    """The clients of one app context.

    Attributes:
        is_open: Whether the context goes on.
    """

    def __init__(self) -> None:
        self.is_open = True
        self._lock = threading.Lock()
        self._clients: list[ContextClient] = []

    @classmethod
    def make_current(cls) -> ContextScope:
        """Put a scope on the current app context, unless another thread of it has just done so."""
        scope: ContextScope = g.setdefault(_ON_G, cls())
        return scope

    def get(self, app: Flask, config: Config) -> ContextClient:
        """The client with these options; the same one as long as nobody closes it."""
        with self._lock:
            self._clients = [client for client in self._clients if not client.closed]
            for client in self._clients:
                if client.config == config:
                    return client
            client = ContextClient.for_context(app, config, self)
            self._clients.append(client)
            return client

    def allows_calls(self) -> bool:
        """Whether a call may be sent: the context goes on, or its teardown functions are at work."""
        return self.is_open or current_scope() is self

    def end(self) -> list[ContextClient]:
        """The context is over; these are the clients whose sockets have to go."""
        self.is_open = False
        with self._lock:
            return list(self._clients)


def current_scope() -> ContextScope | None:
    """The scope of the current app context; None without a context, and before `make_current`."""
    return g.get(_ON_G) if has_app_context() else None
