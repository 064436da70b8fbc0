"""What the extension knows of one app: its settings, its client and the clients of its contexts."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from flask import current_app, g, has_app_context

from .client import AppClient, ContextClient
from .config import Settings

if TYPE_CHECKING:
    from flask import Flask

    from octaspace import Config

    from .extension import OctaSpace

__all__ = ["EXTENSION", "State", "context_keys", "current_state"]

#: Name in `app.extensions`.
EXTENSION: Final = "octaspace"

_ON_G: Final = "_octaspace"


class State:
    """One per app, in ``app.extensions["octaspace"]``.

    Attributes:
        extension: The `OctaSpace` that set the app up.
        settings: Its options, and where each came from.
    """

    def __init__(self, app: Flask, extension: OctaSpace, settings: Settings) -> None:
        self.extension = extension
        self.settings = settings
        self._app = weakref.ref(app)
        self._config: Config | None = None
        self._slot = _ClientSlot()
        # Runs when the app is gone, and at interpreter exit.
        weakref.finalize(self, self._slot.close)

    @property
    def app(self) -> Flask:
        """The app; weakly held, because the app holds this state."""
        app = self._app()
        if app is None:
            raise RuntimeError("The Flask app of this OctaSpace state is gone.")
        return app

    @property
    def config(self) -> Config:
        """The options of the app's clients, with a child of `app.logger` where none was given.

        The logger is looked up at the first use: an `app.logger` touched in `init_app` would be set up
        before the app's own logging configuration.
        """
        if self._config is None:
            config = self.settings.config
            if config.logger is None:
                config = config.replace(logger=self.app.logger.getChild("octaspace"))
            self._config = config
        return self._config

    @property
    def client(self) -> AppClient:
        """The client of this process for the app, or of the current context, as `client_scope` says."""
        if self.settings.client_scope == "context":
            return self.context_client(self.config)
        return self._slot.get(lambda: AppClient.for_app(self.app, self.config))

    def context_client(self, config: Config) -> ContextClient:
        """The current context's client with these options."""
        return self._context_clients().get(self.app, config)

    def close(self) -> None:
        """Close this process's client of the app; the next use makes a new one."""
        self._slot.close()

    def teardown(self, exc: BaseException | None = None) -> None:
        """Close what the current context opened. Never raises; may run any number of times."""
        clients = g.get(_ON_G)
        if clients is not None:
            clients.release(self.app.logger)

    def _context_clients(self) -> _ContextClients:
        clients: _ContextClients | None = g.get(_ON_G)
        if clients is None:
            self._tear_down_first()
            clients = g.setdefault(_ON_G, _ContextClients())
        return clients

    def _tear_down_first(self) -> None:
        """Have our teardown run before those registered after it.

        Flask runs them from last to first and stops at the first that raises, which would leave our
        sockets open. The earlier registration stays: it closes what the functions between use. Only
        ever appending keeps the loops of other threads over the same list right.
        """
        functions = self.app.teardown_appcontext_funcs
        if functions[-1] != self.teardown:
            functions.append(self.teardown)


class _ContextClients:
    """The clients of one app context, on its `g`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._clients: dict[Config, ContextClient] = {}

    def get(self, app: Flask, config: Config) -> ContextClient:
        with self._lock:
            client = self._clients.get(config)
            if client is None or client.closed:
                client = self._clients[config] = ContextClient.for_context(app, config, self)
            return client

    def admit(self) -> bool:
        """Whether the context goes on, or was pushed again (for a streamed response)."""
        if not self._open and has_app_context() and g.get(_ON_G) is self:
            self._open = True
        return self._open

    def release(self, logger: logging.Logger) -> None:
        self._open = False
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            try:
                client.release()
            except Exception:
                logger.exception("Closing an OctaSpace client at the end of its app context failed.")

    def keys(self) -> set[str | None]:
        with self._lock:
            return {config.api_key for config in self._clients}


class _ClientSlot:
    """Where the app's client is kept. A forked child finds it empty and its lock free."""

    def __init__(self) -> None:
        self._start()
        _slots.add(self)

    def _start(self) -> None:
        # Reentrant, because a signal handler may close while this very thread is in get().
        self._lock = threading.RLock()
        self._client: AppClient | None = None

    after_fork_in_child = _start

    def get(self, make: Callable[[], AppClient]) -> AppClient:
        client = self._client
        if client is None or client.closed:
            with self._lock:
                client = self._client
                if client is None or client.closed:
                    client = self._client = make()
        return client

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


_slots: Final[weakref.WeakSet[_ClientSlot]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for slot in list(_slots):
        slot.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def current_state() -> State:
    """The state of the current app.

    Raises:
        RuntimeError: There is no app context, or nobody called `init_app` for the app.
    """
    state: Any = current_app.extensions.get(EXTENSION)
    if not isinstance(state, State):
        raise RuntimeError(
            f"The current Flask app {current_app.name!r} has no OctaSpace: call 'octa.init_app(app)' where "
            "the app is made."
        )
    return state


def context_keys() -> set[str]:
    """Every API key that the current app and context know of."""
    keys: set[str | None] = {current_state().settings.config.api_key}
    clients: _ContextClients | None = g.get(_ON_G)
    if clients is not None:
        keys |= clients.keys()
    return {key for key in keys if key}
