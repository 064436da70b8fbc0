"""What this worker's client looks like, left behind for the other workers' pages."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import suppress
from typing import Any

from flask import g
from werkzeug.wrappers import Response

from octaspace import Config

from ..app_state import AppState, current_app_state
from ..browser.state import Browser
from ..store import StoreError, WorkerSnapshots

__all__ = ["forget_snapshots", "publish_after_request", "publish_snapshot"]

#: Attempts of a client when its snapshot was last left, by the fingerprint of its settings.
_left: dict[str, int] = {}

#: Distinct settings that are remembered.
_MAX = 256


def publish_snapshot(browser: Browser, parts: AppState) -> tuple[dict[str, Any], WorkerSnapshots]:
    """Leave the figures of this process's client for a browser's settings.

    Returns:
        The figures, and the table in which every worker publishes its own.
    """
    config = browser.config
    stats = parts.clients.stats(config)
    fingerprint = _fingerprint(config, parts.secret_key)
    workers = WorkerSnapshots(parts.database, fingerprint)
    workers.publish(stats)
    if len(_left) >= _MAX:
        _left.clear()
    _left[fingerprint] = stats["requests"]
    return stats, workers


def forget_snapshots(browser: Browser, parts: AppState) -> None:
    """Remove the figures of all workers for a browser's settings, unless they are everybody's."""
    if browser.config != parts.clients.base_config:
        WorkerSnapshots(parts.database, _fingerprint(browser.config, parts.secret_key)).forget()


def publish_after_request(response: Response) -> Response:
    """After a page that made calls, whichever worker it was: a browser meets any of them."""
    browser: Browser | None = g.get("browser")
    if browser is not None and response.status_code < 500:
        # The page is made; without the store only its figures are missing.
        with suppress(StoreError):
            _publish_if_calls_were_made(browser, current_app_state())
    return response


def _publish_if_calls_were_made(browser: Browser, parts: AppState) -> None:
    config = browser.config
    made = parts.clients.attempts(config)
    if made and _left.get(_fingerprint(config, parts.secret_key)) != made:
        publish_snapshot(browser, parts)


def _fingerprint(config: Config, secret: str) -> str:
    """Names settings in the table of workers without telling their key to whoever reads the table."""
    named = repr((config, config.api_key and str(config.api_key))).encode()
    return hmac.new(secret.encode(), named, hashlib.sha256).hexdigest()[:24]
