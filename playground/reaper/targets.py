"""The API targets whose keys the reaper knows: the operator's, the sandbox, and those that browsers saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..browser.api_target import ApiTarget, TargetKind, available_targets, is_allowed
from ..browser.state import KEY_PREFIX, parse_key_name
from ..settings import ProcessSettings
from ..store import BrowserState, Database, saved_values

__all__ = ["KnownTargets"]

#: Browser, and name of the key in its state.
_Place = tuple[str, str]


class KnownTargets:
    """The targets to look after.

    A key that was typed in a browser expires with the browser's state, after 12 idle hours, which may be
    before a deadline. It is then kept in the memory of the reaper while it is needed. A key that the user has
    deleted is forgotten at once.

    Args:
        process: The operator's settings.
        database: The store with the keys that browsers saved.
    """

    def __init__(self, process: ProcessSettings, database: Database) -> None:
        self._process, self._database = process, database
        self._fixed: Final = tuple(
            target for target in available_targets(process).values() if target.key is not None
        )
        self._saved: dict[_Place, ApiTarget] = {}

    @property
    def fixed(self) -> tuple[ApiTarget, ...]:
        """The sandbox, and the operator's endpoints if there is a key for them."""
        return self._fixed

    def refresh(self, is_needed: Callable[[ApiTarget], bool]) -> None:
        """Read the keys that browsers saved.

        Args:
            is_needed: Whether the ledger has an open entry of a target, which keeps an expired key.

        Raises:
            playground.store.StoreError: The store cannot be read; the known targets stay as they are.
        """
        found: dict[_Place, ApiTarget] = {}
        for browser, name, value in saved_values(self._database, KEY_PREFIX):
            target = self._target(name, value.get("key"))
            if target is not None:
                found[browser, name] = target
        for place, target in self._saved.items():
            if place not in found and self._has_expired(place[0]) and is_needed(target):
                found[place] = target
        self._saved = found

    def all(self) -> list[ApiTarget]:
        """Each target once."""
        return list(dict.fromkeys((*self._fixed, *self._saved.values())))

    def _has_expired(self, browser: str) -> bool:
        """Whether a browser's state expired; if the user removed it or its key, it did not."""
        return BrowserState(self._database, browser).load() == {}

    def _target(self, name: str, key: object) -> ApiTarget | None:
        kind, endpoints = parse_key_name(name)
        if not isinstance(key, str):
            return None
        if kind == "custom":
            return ApiTarget("custom", endpoints, key) if is_allowed(self._process, endpoints) else None
        known: TargetKind = "sandbox" if kind == "sandbox" else "live"
        current = available_targets(self._process).get(known)
        # A key is sent only to the endpoints that it was typed for.
        same = current is not None and current.endpoints == endpoints
        return ApiTarget(known, endpoints, key) if same else None
