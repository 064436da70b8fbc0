"""One-time tokens of forms: the first use acts, every later one is shown what came of the first."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from .backend import Database
from .process_identity import HERE, runs

__all__ = ["OneTimeTokens"]

#: An operator's tab stays open for days; the token behind Back must still be known.
_KEPT_SECONDS: Final = 7 * 24 * 3600.0

#: How long the result of a form may be, in characters of JSON.
_MAX_TEXT: Final = 128 * 1024

#: Takes the place of a result that made room.
_GONE: Final = json.dumps({
    "ok": False, "problem": None,
    "text": "It was sent, and what came of it is not kept any more. Look before you send it again.",
})  # fmt: skip


class OneTimeTokens:
    """The tokens of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._browser = database.tokens, browser

    def claim(self, token: str, keep: float = _KEPT_SECONDS) -> bool:
        """Use a token; True for exactly one caller, in whichever worker, False for all others.

        Args:
            token: The token.
            keep: Seconds for which it is known that it was used.

        Raises:
            StoreFullError: There is no room, so it was not used. A token that was used is still known.
        """
        return self._table.claim(self._browser, token, f"{HERE}:{os.getpid()}", keep)

    def finish(self, token: str, result: dict[str, Any], keep: float = _KEPT_SECONDS) -> None:
        """Keep what came of it; when there is no room for that any more, it stays known that it was used."""
        text = json.dumps(result)
        if len(text) > _MAX_TEXT:
            short = {name: value for name, value in result.items() if name not in ("each", "problem")}
            text = json.dumps({**short, "problem": None})
        if len(text) > _MAX_TEXT:
            text = _GONE
        self._table.finish(self._browser, token, text, keep, _GONE)

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
