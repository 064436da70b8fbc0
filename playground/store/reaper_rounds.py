"""When a reaper has looked after an account last, so that pages can warn when none does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .backend import Database
from .browser_state import BrowserState

__all__ = ["ReaperRounds"]

#: Stored like the state of a browser with this id; ids of browsers are longer.
_OWNER: Final = "reaper"

_KEY: Final = "rounds"

#: Rounds are forgotten after this time, in seconds.
_KEPT_SECONDS: Final = 3600.0


class ReaperRounds:
    """The last round of each account and target.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._state, self._clock = BrowserState(database, _OWNER), database.clock

    def note(self, accounts: Iterable[tuple[str, str]]) -> None:
        """Note a round that succeeded.

        Args:
            accounts: Fingerprint of the key, and kind of the API target, of each account that was looked
                after.
        """
        now = self._clock()
        kept = {name: at for name, at in self._rounds().items() if now - at < _KEPT_SECONDS}
        self._state.save(_KEY, {**kept, **{_name(*each): now for each in accounts}})

    def last(self, account: str, target: str) -> float | None:
        """When the last round was, seconds since 1970; None if there was none in the last hour."""
        return self._rounds().get(_name(account, target))

    def _rounds(self) -> dict[str, float]:
        return (self._state.load() or {}).get(_KEY, {})


def _name(account: str, target: str) -> str:
    return f"{target}:{account}"
