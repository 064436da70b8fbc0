"""One-time tokens of forms: the first use acts, every later use shows the result of the first."""

from __future__ import annotations

import json
from typing import Any, Final

from .backend import Database
from .process_identity import ProcessIdentity

__all__ = ["OneTimeTokens"]

#: An operator's tab stays open for days; the token of a page reached with Back must still be known.
_KEPT_SECONDS: Final = 7 * 24 * 3600.0

#: Maximum length of a form's result, in characters of JSON.
_MAX_TEXT: Final = 128 * 1024

#: Replaces a result that was evicted.
_PLACEHOLDER: Final = json.dumps({
    "ok": False, "problem": None,
    "text": "It was sent, but its result is not kept any more. Check what it did before you send it again.",
})  # fmt: skip


class OneTimeTokens:
    """The tokens of one browser.

    Args:
        database: Where they are kept.
        browser: Id of the browser.
        identity: The process that claims tokens; by default this one.
    """

    def __init__(self, database: Database, browser: str, identity: ProcessIdentity | None = None) -> None:
        self._table, self._browser = database.tokens, browser
        self._identity = identity or ProcessIdentity.current()

    def claim(self, token: str, keep: float = _KEPT_SECONDS) -> bool:
        """Use a token; True for exactly one caller in all workers, False for all others.

        Args:
            token: The token.
            keep: Seconds for which it is known that it was used.

        Raises:
            StoreFullError: There is no space, so it was not used. A token that was used is still known.
        """
        return self._table.claim(self._browser, token, self._identity.name, keep)

    def finish(self, token: str, result: dict[str, Any], keep: float = _KEPT_SECONDS) -> None:
        """Save the result of a token; without space for it, it is still known that the token was used."""
        text = json.dumps(result)
        if len(text) > _MAX_TEXT:
            short = {name: value for name, value in result.items() if name not in ("each", "problem")}
            text = json.dumps({**short, "problem": None})
        if len(text) > _MAX_TEXT:
            text = _PLACEHOLDER
        self._table.finish(self._browser, token, text, keep, _PLACEHOLDER)

    def result(self, token: str) -> dict[str, Any] | None:
        """The result of a token; None when it is unknown or not there yet."""
        _, text = self._table.find(self._browser, token)
        if text is None:
            return None
        found: dict[str, Any] = json.loads(text)
        return found

    def is_claimed(self, token: str) -> bool:
        """Whether the token was used; its result may be unknown."""
        return self._table.find(self._browser, token)[0] is not None

    def is_lost(self, token: str) -> bool:
        """Whether the result will never be known, because the process that used the token has ended."""
        owner, text = self._table.find(self._browser, token)
        if owner is None or text is not None:
            return False
        return self._identity.is_running(owner) is False
