"""One-time tokens of forms: the first use acts, every later one is shown what came of the first."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from .database import Database
from .here import HERE, runs

__all__ = ["Tokens"]

#: An operator's tab stays open for days; the token behind Back must still be known.
_KEPT_SECONDS: Final = 7 * 24 * 3600.0


class Tokens:
    """The tokens of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._browser = database.tokens, browser

    def claim(self, token: str) -> bool:
        """Use a token; True for exactly one caller, in whichever worker, False for all others."""
        return self._table.claim(self._browser, token, f"{HERE}:{os.getpid()}", _KEPT_SECONDS)

    def finish(self, token: str, result: dict[str, Any]) -> None:
        """Keep what came of it."""
        self._table.finish(self._browser, token, json.dumps(result), _KEPT_SECONDS)

    def result(self, token: str) -> dict[str, Any] | None:
        """What came of it; None when it is unknown or still under way."""
        _, text = self._table.find(self._browser, token)
        if text is None:
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def is_claimed(self, token: str) -> bool:
        """Whether it was used, though what came of it may not be known."""
        return self._table.find(self._browser, token)[0] is not None

    def is_lost(self, token: str) -> bool:
        """Whether what came of it will never be known, because the process that used it is gone."""
        owner, text = self._table.find(self._browser, token)
        if owner is None or text is not None:
            return False
        here, _, pid = owner.partition(":")
        return runs(here, int(pid)) is False
