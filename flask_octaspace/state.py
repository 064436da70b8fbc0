"""What the extension knows of one app: its settings, and where its clients live."""

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
        settings: Its options, and where each came from.
    """

    def __init__(self, app: Flask, extension: object, settings: Settings) -> None:
        self.extension = extension
        self.settings = settings
        self._app = weakref.ref(app)
        self._config: Config | None = None
        self._scope = AppScope()
        # Runs when the app is gone, and at interpreter exit.
        weakref.finalize(self, self._scope.close)

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
        return self._scope.get(lambda: AppClient.for_app(self.app, self.config))

    def context_client(self, config: Config) -> ContextClient:
        """The current context's client with these options."""
        scope = current_scope()
        if scope is None:
            self._tear_down_first()
            scope = ContextScope.make_current()
        return scope.get(self.app, config)

    def close(self) -> None:
        """Close this process's client of the app; the next use makes a new one."""
        self._scope.close()

    def pushed(self, app: Flask, **extra: Any) -> None:
        """A context was pushed: maybe one that was torn down before and now serves a streamed response."""
        scope = current_scope()
        if scope is not None:
            scope.is_open = True

    def teardown(self, exc: BaseException | None = None) -> None:
        """Close what the current context opened. Never raises; may run any number of times."""
        scope = current_scope()
        for client in scope.end() if scope is not None else ():
            try:
                client.release()
            except Exception:
                self.app.logger.exception("Closing an OctaSpace client at the end of its app context failed.")

    def _tear_down_first(self) -> None:
        """Have our teardown run before those registered after it.

        Flask runs them from last to first and stops at the first that raises, which would leave our
        sockets open. The earlier registration stays: it ends what the functions between may have opened.
        Only ever appending keeps the loops of other threads over the same list right.
        """
        functions = self.app.teardown_appcontext_funcs
        if functions[-1] != self.teardown:
            functions.append(self.teardown)


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
