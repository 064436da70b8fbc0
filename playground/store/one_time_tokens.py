"""One-time tokens of forms: the first use acts, every later use shows the result of the first."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from .backend import LEASE_SECONDS, Database, StoreError
from .process_identity import ProcessIdentity

__all__ = ["OneTimeTokens", "TokenUse"]

#: An operator's tab stays open for days; the token of a page reached with Back must still be known.
_KEPT_SECONDS: Final = 7 * 24 * 3600.0

#: Maximum length of a form's result, in characters of JSON.
_MAX_TEXT: Final = 128 * 1024

#: Replaces a result that was evicted.
_PLACEHOLDER: Final = json.dumps({
    "ok": False, "problem": None,
    "text": "It was sent, but its result is not kept any more. Check what it did before you send it again.",
})  # fmt: skip


#: Marks the text that stands for the result until there is one.
_UNFINISHED: Final = "unfinished"

_RENEWALS_PER_LEASE: Final = 5

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenUse:
    """The first use of a token.

    Attributes:
        about: What was known of the form's action before it ran.
        result: The result; None when it is not there.
        lost: Whether the result will not come: the process that ran the action has ended, or does not renew
            its lease.
    """

    about: dict[str, Any]
    result: dict[str, Any] | None
    lost: bool


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

    def claim(self, token: str, about: dict[str, Any] | None = None, keep: float = _KEPT_SECONDS) -> bool:
        """Use a token; True for exactly one caller in all workers, False for all others.

        Args:
            token: The token.
            about: What is known of the form's action before it runs, as JSON.
            keep: Seconds for which it is known that it was used.

        Raises:
            StoreFullError: There is no space, so it was not used. A token that was used is still known.
        """
        text = json.dumps({_UNFINISHED: about or {}})
        return self._table.claim(self._browser, token, self._identity.name, text, keep, _PLACEHOLDER)

    @contextmanager
    def renewing(self, token: str) -> Iterator[None]:
        """Renew the lease of a claimed token while its action runs, so that other workers see it."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(LEASE_SECONDS / _RENEWALS_PER_LEASE):
                try:
                    self._table.renew(self._browser, token)
                except StoreError as error:
                    _log.warning("The lease of a form could not be renewed: %s", error)

        threading.Thread(target=renew, name="lease-of-form", daemon=True).start()
        try:
            yield
        finally:
            over.set()

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
        """The result of a token; None when it was not used or the result is not there yet."""
        use = self.find(token)
        return None if use is None else use.result

    def find(self, token: str) -> TokenUse | None:
        """The use of a token; None when it was not used."""
        record = self._table.find(self._browser, token)
        if record is None:
            return None
        # A token that an older version has claimed may have no text.
        result: dict[str, Any] = json.loads(record["result"] or json.dumps({_UNFINISHED: {}}))
        if _UNFINISHED not in result:
            return TokenUse({}, result, lost=False)
        runs = record["age"] < LEASE_SECONDS and self._identity.is_running(record["owner"]) is not False
        return TokenUse(result[_UNFINISHED], None, lost=not runs)
