"""What is known of one browser: a value per concern, so that two requests do not undo each other."""

from __future__ import annotations

import json
import time
from typing import Any, Final, Literal

from .backend import Database

__all__ = ["IDLE_SECONDS", "BrowserState"]

#: A browser that was away for longer starts with nothing.
IDLE_SECONDS: Final = 12 * 3600.0

#: For how long it is known that a browser was forgotten: longer than anything of it would have been kept.
_FORGOTTEN_SECONDS: Final = 8 * 24 * 3600.0

#: How many forgotten browsers are known.
_MAX_FORGOTTEN: Final = 50_000

#: Concerns that make room for newer ones: what can be asked for or typed once more.
_DRAFTS: Final = frozenset({"balance", "kept"})
_DRAFT: Final = "order:"


class BrowserState:
    """The state of one browser.

    Args:
        database: Where it is kept.
        browser: Its id.
    """

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._browser = database.browsers, browser

    def load(self) -> dict[str, dict[str, Any]] | None:
        """Every concern by name; empty after 12 idle hours, None when the browser was forgotten."""
        found = self._table.load(self._browser, IDLE_SECONDS)
        return None if found is None else {concern: json.loads(text) for concern, text in found.items()}

    def save(self, concern: str, value: dict[str, Any]) -> None:
        """Keep one concern.

        Raises:
            StoreFullError: There is no room for it.
        """
        self._table.save(self._browser, concern, json.dumps(value), IDLE_SECONDS, _kind(concern))

    def drop(self, concern: str) -> None:
        """Remove one concern."""
        self._table.drop(self._browser, concern)

    def forget(self) -> None:
        """Remove everything of this browser, its log, jobs and tokens too, and keep nothing more for it."""
        self._table.forget(self._browser, time.time(), _FORGOTTEN_SECONDS, _MAX_FORGOTTEN)


def _kind(concern: str) -> Literal["settings", "drafts"]:
    return "drafts" if concern in _DRAFTS or concern.startswith(_DRAFT) else "settings"
