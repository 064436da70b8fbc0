"""Statistics of this worker's client, published for the pages of other workers, and what all of them know."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from flask import g
from werkzeug.wrappers import Response

from octaspace import Config

from ..app_state import AppState, current_app_state
from ..browser.state import Browser
from ..browser.store_problems import unless_store_fails
from ..domain.endpoint_health import EndpointHealth, cooldowns_of, endpoint_health
from ..domain.endpoint_history import EndpointHistory, read_histories
from ..sdk.client_cache import activity_of
from ..store import EndpointRecords, StoreError, WorkerSnapshot, WorkerSnapshots
from ..store.process_identity import ProcessIdentity

__all__ = ["current_health", "current_snapshots", "forget_snapshots", "publish_after_request"]

#: Seconds after which unchanged statistics are published again: idle connections are closed without a call,
#: and a worker of another machine is assumed to have ended when it publishes nothing for two minutes.
_RENEW_SECONDS: Final = 30.0

#: The `activity_of` a client when its snapshot was last published, by the fingerprint of its configuration.
_published: dict[str, int] = {}

#: Maximum number of entries of `_published`.
_MAX = 256


def current_snapshots(browser: Browser, state: AppState) -> tuple[dict[str, Any], list[WorkerSnapshot]]:
    """The statistics of every worker's client for a browser's configuration.

    Those of this process are published only if the other workers do not have them yet, so that looking at a
    page writes nothing.

    Returns:
        The statistics of this process, and the snapshots of all workers; only that of this one when the store
        fails.
    """
    stats = state.clients.stats(browser.config)
    me = ProcessIdentity.current()
    mine = WorkerSnapshot(me.pid, me.started, 0.0, True, stats)

    def read() -> list[WorkerSnapshot]:
        found = WorkerSnapshots(state.database, _fingerprint(browser.config, state.secret_key)).all()
        is_mine = [(each.pid, each.started) == (me.pid, me.started) for each in found]
        if not any(own and _is_current(each, stats) for each, own in zip(found, is_mine, strict=True)):
            _publish(browser.config, state, stats)
        others = [each for each, own in zip(found, is_mine, strict=True) if not own]
        return sorted([mine, *others], key=lambda each: each.pid)

    return stats, unless_store_fails("the figures of the other workers", [mine], read)


def _is_current(published: WorkerSnapshot, stats: dict[str, Any]) -> bool:
    return published.age < _RENEW_SECONDS and activity_of(published.stats) == activity_of(stats)


def _publish(config: Config, state: AppState, stats: dict[str, Any]) -> None:
    fingerprint = _fingerprint(config, state.secret_key)
    WorkerSnapshots(state.database, fingerprint).publish(stats)
    if len(_published) >= _MAX:
        _published.clear()
    _published[fingerprint] = activity_of(stats)


def current_health(
    browser: Browser, state: AppState, workers: Sequence[WorkerSnapshot]
) -> list[EndpointHealth]:
    """The state of each endpoint of a browser's API target, the same from every worker.

    Args:
        browser: The browser.
        state: The state of the app.
        workers: The snapshots of all workers.
    """
    records = EndpointRecords(state.database, browser.id)
    urls = browser.config.endpoints
    none = {url: EndpointHistory.from_record({}) for url in urls}
    histories = unless_store_fails(
        "the history of the endpoints", none, lambda: read_histories(records, urls)
    )
    return endpoint_health(histories, cooldowns_of(workers), state.database.clock())


def forget_snapshots(browser: Browser, state: AppState) -> None:
    """Remove the statistics of all workers for a browser's configuration, unless it is the default one."""
    if browser.config != state.clients.base_config:
        WorkerSnapshots(state.database, _fingerprint(browser.config, state.secret_key)).forget()


def publish_after_request(response: Response) -> Response:
    """Publish the statistics after a page that made calls, because any worker may serve the next page."""
    browser: Browser | None = g.get("browser")
    if browser is not None and response.status_code < 500:
        # The page is complete; without the store only the statistics are missing.
        with suppress(StoreError):
            _publish_if_calls_were_made(browser, current_app_state())
    return response


def _publish_if_calls_were_made(browser: Browser, state: AppState) -> None:
    config = browser.config
    made = state.clients.activity(config)
    if made and _published.get(_fingerprint(config, state.secret_key)) != made:
        _publish(config, state, state.clients.stats(config))


def _fingerprint(config: Config, secret: str) -> str:
    """Identify a configuration in the table of workers without revealing its key."""
    named = repr((config, config.api_key and str(config.api_key))).encode()
    return hmac.new(secret.encode(), named, hashlib.sha256).hexdigest()[:24]
