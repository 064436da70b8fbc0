"""State of one browser: a value per key, so that concurrent requests do not overwrite each other's."""

from __future__ import annotations

import json
from typing import Any, Final

from .backend import Database, StateKind

__all__ = ["IDLE_SECONDS", "BrowserState", "saved_values"]

#: The state of a browser expires after this time without a request.
IDLE_SECONDS: Final = 12 * 3600.0

#: How long it is known that a browser was forgotten: longer than any record of it would have been kept.
_FORGOTTEN_SECONDS: Final = 8 * 24 * 3600.0

_MAX_FORGOTTEN: Final = 50_000

#: Keys that are evicted for newer ones: their values can be requested or typed again.
_DRAFT_KEYS: Final = frozenset({"balance", "kept", "key_refused", "seen"})
_DRAFT_PREFIX: Final = "order:"


class BrowserState:
    """The state of one browser.

    Args:
        database: Where it is kept.
        browser: Id of the browser.
    """

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._clock, self._browser = database.browsers, database.clock, browser

    def load(self) -> dict[str, dict[str, Any]] | None:
        """Every value by its key; empty after 12 idle hours, None when the browser was forgotten."""
        found = self._table.load(self._browser, IDLE_SECONDS)
        return None if found is None else {key: json.loads(text) for key, text in found.items()}

    def save(self, key: str, value: dict[str, Any]) -> None:
        """Save one value.

        Raises:
            StoreFullError: There is no space for it.
        """
        self._table.save(self._browser, key, json.dumps(value), IDLE_SECONDS, _kind(key))

    def drop(self, key: str) -> None:
        """Remove one key."""
        self._table.drop(self._browser, key)

    def forget(self) -> None:
        """Remove everything of this browser, including its log, jobs and tokens, and save nothing more."""
        self._table.forget(self._browser, self._clock(), _FORGOTTEN_SECONDS, _MAX_FORGOTTEN)


def saved_values(database: Database, prefix: str) -> list[tuple[str, str, dict[str, Any]]]:
    """The values of all browsers under keys with a prefix; their idle time is not changed.

    Args:
        database: Where they are kept.
        prefix: Beginning of the keys.

    Returns:
        Browser, key and value of each.
    """
    found = database.browsers.with_prefix(prefix)
    return [(browser, key, json.loads(text)) for browser, key, text in found]


def _kind(key: str) -> StateKind:
    return "drafts" if key in _DRAFT_KEYS or key.startswith(_DRAFT_PREFIX) else "settings"
