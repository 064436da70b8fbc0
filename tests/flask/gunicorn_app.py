"""The app that tests run under Gunicorn: `tests.flask.gunicorn_app:create_app()`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, stream_with_context
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_octaspace import OctaSpace
from octaspace import Request

octa = OctaSpace()


def whoami() -> Request:
    """A request that says which process sent it."""
    return Request("GET", f"/process/{os.getpid()}")


def create_wrapped_app() -> DispatcherMiddleware:
    """The app below two middlewares."""
    return DispatcherMiddleware(ProxyFix(create_app()))


def create_mounted_apps() -> ProxyFix:
    """Two apps with an OctaSpace each, one of them mounted in the other, below another middleware."""
    mounted = Flask("mounted")
    own = OctaSpace(mounted, api_key="of-the-mounted-app")
    mounted.add_url_rule("/stats", view_func=lambda: own.client.transport_stats())
    bare = Flask("without the extension")
    return ProxyFix(DispatcherMiddleware(create_app(), {"/mounted": ProxyFix(mounted), "/bare": bare}))


def create_failing_app() -> Flask:
    """Raise, as an app does that cannot start."""
    raise RuntimeError("it does not start")


def create_app(*, use_at_once: bool = False) -> Flask:
    """Make the app.

    Args:
        use_at_once: Call the API before the first request; with `--preload`, in the process that forks.
    """
    app = Flask("served")
    app.config.from_prefixed_env()
    octa.init_app(app)
    if use_at_once:
        with app.app_context():
            octa.client.send(whoami())

    @app.get("/")
    def call() -> dict[str, Any]:
        response = octa.client.send(whoami())
        return {"pid": os.getpid(), "echoed": response.data["path"], "attempts": response.attempts}

    @app.get("/stats")
    def stats() -> dict[str, Any]:
        return octa.client.transport_stats()

    @app.get("/endless")
    def endless() -> Response:
        def generate() -> Iterator[str]:
            client = octa.client_for("theirs")
            while True:
                yield str(client.send(whoami()).data) * 1000

        return Response(stream_with_context(generate()))

    return app
