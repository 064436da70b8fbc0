"""Puts the app together; every part is a file of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_bootstrap import Bootstrap5  # type: ignore[import-untyped]
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]

from flask_octaspace import OctaSpace

from . import (
    admission,
    assets,
    caution,
    failures,
    formatting,
    ids,
    login,
    navigation,
    recording,
    responses,
    security,
    server_log,
    shell,
    views,
)
from .addresses import web_address
from .forwarded import behind_proxies
from .options import MAX_JSON_VALUES, MAX_RESPONSE_BYTES
from .parts import EXTENSION, Parts
from .process import ProcessSettings
from .sessions_cookie import BrowserSessionInterface
from .sources import default_source

__all__ = ["build"]

#: What the SDK writes a line per attempt to; `recording` reads them there.
CALLS_LOGGER = "playground.calls"


def build(config: Mapping[str, Any]) -> Flask:
    """Make the app; see `playground.create_app`."""
    app = Flask("playground", static_url_path=assets.url_path())
    process = config.get("PROCESS") or ProcessSettings.read(os.environ, Path(app.instance_path))
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        SEND_FILE_MAX_AGE_DEFAULT=365 * 24 * 3600,
        SESSION_COOKIE_NAME=process.instance,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Tabs stay open for long, and so do their forms. What is known of a browser ends much earlier.
        WTF_CSRF_TIME_LIMIT=None,
        PERMANENT_SESSION_LIFETIME=timedelta(days=3650),
        **config,
    )
    app.session_interface = BrowserSessionInterface()
    server_log.init_app(app)
    responses.init_app(app)

    # First of all, so that no other check or page is reached under a foreign name.
    security.init_app(app, process)
    admission.init_app(app)
    if process.proxy_hops:
        app.wsgi_app = behind_proxies(  # type: ignore[method-assign, assignment]
            app.wsgi_app, process.proxy_hops
        )

    calls_log = logging.getLogger(CALLS_LOGGER)
    calls_log.setLevel(logging.DEBUG)
    calls_log.propagate = False
    first = default_source(process)
    OctaSpace(
        app,
        api_key=first.key,
        base_urls=list(first.endpoints),
        keep_alive=True,
        logger=calls_log,
        max_response_bytes=MAX_RESPONSE_BYTES,
        max_json_values=MAX_JSON_VALUES,
    )
    app.extensions[EXTENSION] = parts = Parts(app, process)
    app.secret_key = parts.secret_key

    recording.init_app(app, calls_log)
    caution.init_app(app)
    login.init_app(app, process)
    CSRFProtect(app)
    Bootstrap5(app)
    formatting.init_app(app)
    app.jinja_env.filters["web_address"] = web_address
    failures.init_app(app)
    ids.init_app(app)
    views.init_app(app)
    navigation.init_app(app)
    shell.init_app(app)
    return app
