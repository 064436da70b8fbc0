"""Lifetimes of clients: one per app and process, or per app context."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable

from flask import Flask, g, has_app_context

from octaspace import Config
from octaspace.fork import register_after_fork

from .client import AppClient, ContextClient

__all__ = ["AppScope", "ContextScope", "current_scope"]

#: Name of the `ContextScope` on the `g` of its context.
_ON_G = "_octaspace"


class AppScope:
    """The client of an app in this process. A forked child process starts without one."""

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Drop the client of the parent process: it may predate the patching of locks by gevent."""
        # Reentrant: a signal handler may call close() while this thread is in get().
        self._lock = threading.RLock()
        self._client: AppClient | None = None

    def get(self, make: Callable[[], AppClient]) -> AppClient:
        """The client; a new one if there is none or it was closed."""
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
        is_open: Whether the context is open.
    """

    def __init__(self) -> None:
        self.is_open = True
        # Reentrant, like that of an app: a signal handler may ask for a client of this context.
        self._lock = threading.RLock()
        self._clients: list[ContextClient] = []

    @classmethod
    def make_current(cls) -> ContextScope:
        """Set a scope on the current app context, unless another thread has just set one."""
        scope: ContextScope = g.setdefault(_ON_G, cls())
        return scope

    def get(self, app: Flask, config: Config) -> ContextClient:
        """The client with these options; the same one until it is closed."""
        with self._lock:
            for client in list(self._clients):
                if client.closed:
                    self._clients.remove(client)
                elif _is_same(client.config, config):
                    return client
            client = ContextClient.for_context(app, config, self)
            self._clients.append(client)
            return client

    def allows_calls(self) -> bool:
        """Whether a call may be sent: the context is open, or its teardown functions are running."""
        return self.is_open or current_scope() is self

    def end(self) -> list[ContextClient]:
        """Mark the context as over, and return the clients whose sockets are to be closed."""
        self.is_open = False
        with self._lock:
            return list(self._clients)


def _is_same(one: Config, other: Config) -> bool:
    """Whether the options are equal and the observers the same objects: a dataclass compares by value."""
    return one == other and all(map(operator.is_, one.observers, other.observers))


def current_scope() -> ContextScope | None:
    """The scope of the current app context; None without a context, and before `make_current`."""
    return g.get(_ON_G) if has_app_context() else None
