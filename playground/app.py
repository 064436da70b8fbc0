"""Creates the app from its parts."""

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
from octaspace.config import DEFAULTS

from . import formatting, pages
from .app_state import EXTENSION, AppState
from .browser.api_target import default_target
from .browser.client_options import CACHE_MAX_BYTES, CACHE_TTL, MAX_JSON_VALUES, MAX_RESPONSE_BYTES
from .browser.state import require_state_for_changes
from .domain.attempts import ACTIONS, with_actions
from .domain.safe_links import web_address
from .sdk import stopped_rentals
from .sdk.recording import CallRecorder
from .settings import ProcessSettings
from .web import (
    admission,
    app_log,
    balance,
    error_pages,
    health,
    log_format,
    login,
    navigation,
    page_context,
    responses,
    security,
    seen_objects,
    static_urls,
    url_ids,
)
from .web.proxy_headers import behind_proxies
from .web.session_cookie import BrowserSessionInterface

__all__ = ["build"]

#: Logger of the clients. It writes errors only: the request log has the calls and their attempts.
CALLS_LOGGER = "playground.calls"


def build(config: Mapping[str, Any]) -> Flask:
    """Create the app; see `playground.create_app`."""
    app = Flask("playground", static_url_path=static_urls.url_path())
    process = config.get("PROCESS") or ProcessSettings.read(os.environ, Path(app.instance_path))
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        SEND_FILE_MAX_AGE_DEFAULT=365 * 24 * 3600,
        SESSION_COOKIE_NAME=process.instance,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Tabs with forms stay open for long. The state of a browser expires much earlier.
        WTF_CSRF_TIME_LIMIT=None,
        PERMANENT_SESSION_LIFETIME=timedelta(days=3650),
        **config,
    )
    app.session_interface = BrowserSessionInterface()
    app_log.init_app(app, log_format.log_formatter(process))
    responses.init_app(app)

    # First, so that no other check or page can be reached under an unknown host name.
    security.init_app(app, process)
    admission.init_app(app, process)
    if process.proxy_hops:
        app.wsgi_app = behind_proxies(  # type: ignore[method-assign, assignment]
            app.wsgi_app, process.proxy_hops
        )

    calls_log = logging.getLogger(CALLS_LOGGER)
    calls_log.setLevel(logging.ERROR)
    first = default_target(process)
    OctaSpace(
        app,
        **{
            **DEFAULTS,  # so that no option comes from an OCTA_… variable
            "api_key": first.key,
            "base_urls": list(first.endpoints),
            "keep_alive": True,
            "logger": calls_log,
            "observers": [CallRecorder()],
            "max_response_bytes": MAX_RESPONSE_BYTES,
            "max_json_values": MAX_JSON_VALUES,
            "cache_ttl": CACHE_TTL,
            "cache_max_bytes": CACHE_MAX_BYTES,
            "rental_ledger": process.rental_ledger,
        },
    )
    app.extensions[EXTENSION] = state = AppState(app, process)
    app.secret_key = state.secret_key

    stopped_rentals.init_app(app)
    login.init_app(app, process)
    CSRFProtect(app)
    app.before_request(require_state_for_changes)
    Bootstrap5(app)
    formatting.init_app(app)
    app.jinja_env.filters["web_address"] = web_address
    app.jinja_env.filters["with_actions"] = with_actions
    app.jinja_env.globals["ACTIONS"] = ACTIONS
    error_pages.init_app(app)
    url_ids.init_app(app)
    health.init_app(app, state)
    pages.init_app(app)
    navigation.init_app(app)
    balance.init_app(app)
    seen_objects.init_app(app)
    page_context.init_app(app)
    return app
