"""The extension object."""

from __future__ import annotations

from typing import Any, NoReturn

from flask import Flask, appcontext_pushed

import octaspace
from octaspace import Client, ConfigurationError
from octaspace._typing import Unpack
from octaspace.config import ClientOptions, mask_options
from octaspace.secret_values import mask_key

from .cli import commands
from .config import Defaults, read_settings
from .errors import answer_error
from .option_error import OptionError
from .state import EXTENSION, State, current_state

__all__ = ["OctaSpace"]


class OctaSpace:
    """OctaSpace for Flask apps::

        octa = OctaSpace()

        def create_app():
            app = Flask(__name__)
            app.config.from_prefixed_env()
            octa.init_app(app)
            return app

        @app.get("/nodes")
        def nodes():
            return octa.client.nodes.list().data

    One object can be used for any number of apps; each has its own options and client. The object holds no
    strong reference to an app.

    Args:
        app: Set this app up at once.
        defaults: Options of `octaspace.Config`, and `client_scope`; keys of `app.config` override them.

    Raises:
        ConfigurationError: As `init_app`.
    """

    def __init__(self, app: Flask | None = None, **defaults: Unpack[Defaults]) -> None:
        self._defaults = mask_options(defaults, known=["client_scope"])
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **defaults: Unpack[Defaults]) -> None:
        """Set up an app. No connection is opened and no name is resolved before the first call of a client.

        Call it after the app's configuration is complete and before its first request. The
        configuration is read once, here; later changes of `app.config` have no effect.

        An option that is in none of `app.config`, the keywords here and those of the constructor is read from
        the environment, as ``OCTA_<OPTION>``, like `octaspace.Config.from_env` does.

        Keys read from `app.config`; their defaults are those of the options of `octaspace.Config`. A table
        ``OCTASPACE`` can hold them as well, without the prefix: ``{"API_KEY": …}``. The keys are
        ``OCTASPACE_API_KEY`` (None and blank are the same as missing), ``OCTASPACE_BASE_URL``,
        ``OCTASPACE_BASE_URLS`` (a list, or text with commas),
        ``OCTASPACE_KEEP_ALIVE`` (or ``OCTASPACE_PERSISTENT``), ``OCTASPACE_POOL_SIZE``,
        ``OCTASPACE_POOL_TIMEOUT``, ``OCTASPACE_IDLE_TIMEOUT``, ``OCTASPACE_OPEN_TIMEOUT``,
        ``OCTASPACE_READ_TIMEOUT``, ``OCTASPACE_WRITE_TIMEOUT``, ``OCTASPACE_MAX_RETRIES``,
        ``OCTASPACE_RETRY_INTERVAL``, ``OCTASPACE_BACKOFF_FACTOR``, ``OCTASPACE_MAX_RETRY_INTERVAL``,
        ``OCTASPACE_TOTAL_TIMEOUT``, ``OCTASPACE_MAX_RETRY_AFTER``, ``OCTASPACE_FAILURE_COOLDOWN``,
        ``OCTASPACE_MAX_RESPONSE_BYTES``, ``OCTASPACE_MAX_JSON_VALUES``, ``OCTASPACE_SSL_VERIFY``,
        ``OCTASPACE_ON_REQUEST``, ``OCTASPACE_ON_RESPONSE``,
        ``OCTASPACE_LOGGER`` (by default a child of `app.logger`), ``OCTASPACE_LOG_LEVEL``,
        ``OCTASPACE_USER_AGENT``, ``OCTASPACE_MAX_CONNECTION_AGE``, ``OCTASPACE_OBSERVERS``,
        ``OCTASPACE_CACHE_TTL``, ``OCTASPACE_CACHE_STALE``, ``OCTASPACE_CACHE_MAX_BYTES``,
        ``OCTASPACE_RENTAL_LEDGER``, and
        ``OCTASPACE_CLIENT_SCOPE``: ``"app"`` (default) for one client per app and process, kept between
        requests, or ``"context"`` for one per app context. Strings are converted, so the keys may come from
        `app.config.from_prefixed_env()`.

        Args:
            app: The app.
            defaults: As in the constructor, for this app; they override those of the constructor.

        Raises:
            ConfigurationError: A key is unknown or its value cannot be used; the message names the key.
            RuntimeError: The app was set up before.
            TypeError: It is not a Flask app, e.g. a WSGI middleware around one.
        """
        _check_app(app, "init_app")
        if EXTENSION in app.extensions:
            raise RuntimeError(
                f"The Flask app {app.name!r} already has an OctaSpace: call init_app once per app, and use "
                "'current_octaspace' or the same OctaSpace object everywhere."
            )
        own_defaults = mask_options(defaults, known=["client_scope"])
        try:
            settings = read_settings(app, self._defaults, own_defaults)
        except ConfigurationError as error:
            raise OptionError(str(error), option=error.option) from None
        state = State(app, self, settings)
        app.teardown_appcontext(state.teardown)
        appcontext_pushed.connect(state.pushed, app)
        app.shell_context_processor(self._shell_context)
        app.cli.add_command(commands)
        app.extensions[EXTENSION] = state

    @property
    def client(self) -> Client:
        """The current app's client.

        With the client scope ``"app"``, it is the same client for every request of this process; threads can
        share it. With ``"context"``, it belongs to the current app context and is closed at its end.

        Raises:
            RuntimeError: There is no app context, or its app was not set up by this `OctaSpace`.
        """
        return self._state().client

    def client_for(self, api_key: str | None, **options: Unpack[ClientOptions]) -> Client:
        """A client of the current context for another key, with separate connections.

        Calls with the same arguments in one context return the same client, and the end of the context closes
        it. `octa.client.with_options(api_key=...)` is the lightweight alternative: it shares the connections
        of `octa.client`.

        Args:
            api_key: The key; None for a client that makes public calls only.
            options: Other options that differ from those of the app; see `octaspace.Config`. A `base_url`
                replaces the app's `base_urls`.

        Raises:
            ConfigurationError: The key or an option cannot be used.
            RuntimeError: As `client`.
        """
        given: dict[str, Any] = mask_options(options)
        given["api_key"], api_key = mask_key(api_key), None
        if "base_url" in given:
            # Otherwise the app's base_urls would be used, and the key would be sent to them.
            given.setdefault("base_urls", None)
        state = self._state()
        return state.context_client(state.config.replace(**given))

    def close(self, app: Flask | None = None) -> None:
        """Close this process's client of an app, e.g. in a server's `worker_exit` hook.

        Idempotent; the next use of `client` creates a new one. The client is also closed at interpreter exit.
        Clients of contexts are closed at the end of their context.

        Args:
            app: The app; the current one by default.

        Raises:
            RuntimeError: The app was not set up by this `OctaSpace`, or there is no current app.
            TypeError: It is not a Flask app, e.g. a WSGI middleware around one.
        """
        if app is None:
            self._state().close()
            return
        _check_app(app, "close")
        self._own(app.extensions.get(EXTENSION), app.name).close()

    def init_error_handlers(self, app: Flask) -> None:
        """Answer SDK errors that a view does not handle with JSON instead of a 500.

        404, 422 and 429 (with `Retry-After`) keep their status and the message of the API; a timeout and a
        504 are 504; every other error is 502 with a general message, and is logged. No response contains the
        key.

        Args:
            app: The app. Its own handlers, registered before or after, and those of its blueprints have
                precedence, also one for `octaspace.Error`.

        Raises:
            TypeError: It is not a Flask app.
        """
        _check_app(app, "init_error_handlers")
        if octaspace.Error not in app.error_handler_spec[None][None]:
            app.register_error_handler(octaspace.Error, answer_error)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} belongs to the apps that it set up and cannot be copied or pickled: use "
            "the same object everywhere in a process, and create it and the app again in another process"
        )

    def _state(self) -> State:
        state = current_state()
        return self._own(state, state.app.name)

    def _own(self, state: object, name: str) -> State:
        if not isinstance(state, State) or state.extension is not self:
            raise RuntimeError(
                f"The Flask app {name!r} was not set up by this OctaSpace: call its 'init_app(app)', or use "
                "'current_octaspace', which finds the right one."
            )
        return state

    def _shell_context(self) -> dict[str, Any]:
        return {"octa": self}


def _check_app(app: object, method: str) -> None:
    if not isinstance(app, Flask):
        raise TypeError(
            f"{method}() takes a Flask app, not {type(app).__name__}: pass the app itself, not a WSGI "
            "middleware around it"
        )
