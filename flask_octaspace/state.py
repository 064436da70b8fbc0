"""State of the extension for one app: its settings and its clients."""

from __future__ import annotations

import weakref
from typing import Any, Final

from flask import Flask, current_app

from octaspace import Config

from .client import AppClient, ContextClient
from .config import Settings
from .scopes import AppScope, ContextScope, current_scope

__all__ = ["EXTENSION", "State", "current_state"]

#: Name in `app.extensions`.
EXTENSION: Final = "octaspace"


class State:
    """One per app, in ``app.extensions["octaspace"]``.

    Attributes:
        extension: The `OctaSpace` that set the app up; only compared with others.
        settings: Its options, and the source of each.
    """

    def __init__(self, app: Flask, extension: object, settings: Settings) -> None:
        self.extension = extension
        self.settings = settings
        self._app = weakref.ref(app)
        self._config: Config | None = None
        self._scope = AppScope()
        # Runs when the app is garbage-collected, and at interpreter exit.
        weakref.finalize(self, self._scope.close)

    @property
    def app(self) -> Flask:
        """The app; a weak reference, because the app refers to this state."""
        app = self._app()
        if app is None:
            raise RuntimeError("The Flask app of this OctaSpace state no longer exists.")
        return app

    @property
    def config(self) -> Config:
        """The options of the app's clients, with a child of `app.logger` as the default logger.

        The logger is created at the first use: an access to `app.logger` in `init_app` would configure it
        before the logging configuration of the app.
        """
        if self._config is None:
            config = self.settings.config
            if config.logger is None:
                config = config.replace(logger=self.app.logger.getChild("octaspace"))
            self._config = config
        return self._config

    @property
    def client(self) -> AppClient:
        """The client of this process for the app, or of the current context, depending on `client_scope`."""
        if self.settings.client_scope == "context":
            return self.context_client(self.config)
        return self._scope.get(lambda: AppClient.for_app(self.app, self.config))

    def context_client(self, config: Config) -> ContextClient:
        """The current context's client with these options."""
        scope = current_scope()
        if scope is None:
            self._tear_down_first()
            scope = ContextScope.make_current()
        return scope.get(self.app, config)

    def close(self) -> None:
        """Close this process's client of the app; the next use creates a new one."""
        self._scope.close()

    def pushed(self, app: Flask, **extra: Any) -> None:
        """Reopen the scope of a context that is pushed again after its teardown, for a streamed response."""
        scope = current_scope()
        if scope is not None:
            scope.is_open = True

    def teardown(self, exc: BaseException | None = None) -> None:
        """Close what the current context opened. Never raises; can be called repeatedly."""
        scope = current_scope()
        for client in scope.end() if scope is not None else ():
            try:
                client.release()
            except Exception:
                self.app.logger.exception("Closing an OctaSpace client at the end of its app context failed.")

    def _tear_down_first(self) -> None:
        """Register the teardown again, so that it runs before functions that were registered after it.

        Flask runs them from last to first and stops at the first that raises, which would leave our sockets
        open. The earlier registration stays: it closes what the functions in between may open. The list is
        only appended to, because other threads may iterate over it.
        """
        functions = self.app.teardown_appcontext_funcs
        if functions[-1] != self.teardown:
            functions.append(self.teardown)


def current_state() -> State:
    """The state of the current app.

    Raises:
        RuntimeError: There is no app context, or `init_app` was not called for the app.
    """
    state: Any = current_app.extensions.get(EXTENSION)
    if not isinstance(state, State):
        raise RuntimeError(
            f"The current Flask app {current_app.name!r} has no OctaSpace: call 'octa.init_app(app)' where "
            "the app is created."
        )
    return state
