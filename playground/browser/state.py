"""Server-side state of one browser, found by the opaque id in its cookie.

Each key has a separate entry, so that two concurrent requests that save different things do not
overwrite each other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, cast

from flask import abort, g, request, session

from octaspace import Config
from octaspace.rentals import Rental, RentalLedger, account_fingerprint

from ..app_state import current_app_state
from ..domain.stop_after import DEFAULT_HOURS
from ..store import BrowserState, StoreError
from .api_target import ApiTarget, TargetKind, available_targets, default_target, is_allowed
from .background import is_background
from .client_options import OPTIONS, PANEL_BUDGET
from .rental_owner import belongs_to, owner_label
from .store_problems import note_store_problem, unless_store_fails

__all__ = [
    "KEY_PREFIX",
    "SAFE_METHODS",
    "Browser",
    "browser_id",
    "current_browser",
    "parse_key_name",
    "renew_id",
    "require_state_for_changes",
]

_ID: Final = "browser"

#: Beginning of the entries of API keys.
KEY_PREFIX: Final = "key:"

#: Methods of requests that change nothing.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

#: The generation of a store that could not be asked for it.
_NO_GENERATION: Final = "unknown"

#: Maximum number of entries that `Browser.write_limited` keeps; the latest ones stay.
_MAX_LIMITED: Final = 20


class Browser:
    """State of one browser: its API target, typed keys, options and theme.

    An object serves one request: the saved state is read once, at the first use. When the store cannot be
    read, a page is made as for a new browser: with the default API target, without typed keys. `problem` has
    the reason, and whatever needs more than such a page calls `require_state`.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self._problem: StoreError | None = None
        self._app_state = current_app_state()
        self._state = BrowserState(self._app_state.database, id)

    @cached_property
    def _loaded(self) -> dict[str, dict[str, Any]] | None:
        try:
            return self._state.load()
        except StoreError as error:
            note_store_problem("the settings of this browser", error)
            self._problem = error
            return {}

    @cached_property
    def _saved(self) -> dict[str, dict[str, Any]]:
        return self._loaded or {}

    @property
    def problem(self) -> StoreError | None:
        """Why its state is not known; None when it is."""
        return self._problem if self._loaded is not None else None

    def require_state(self) -> None:
        """Refuse to go on without the state: for changes, logins, and parts of a page of a known browser.

        Raises:
            StoreError: The state is not known.
        """
        if self.problem is not None:
            self.problem.nothing_done = True
            raise self.problem

    @property
    def is_forgotten(self) -> bool:
        """Whether its state was removed on request, in this or another worker."""
        return self._loaded is None

    def read(self, key: str) -> dict[str, Any]:
        """The value saved under a key; empty when there is none, or when it expired."""
        return self._saved.get(key, {})

    def write(self, key: str, value: dict[str, Any]) -> None:
        """Save a value; all values of a browser expire after 12 idle hours."""
        self._state.save(key, value)
        self._saved[key] = value
        self._changed()

    def note(self, key: str, value: dict[str, Any] | None) -> None:
        """Save a value that pages can do without, or remove it; nothing happens when the store fails."""
        if self.problem is None:
            unless_store_fails(
                "the last balance and the objects for the search",
                None,
                lambda: self.drop(key) if value is None else self.write(key, value),
            )

    def drop(self, key: str) -> None:
        """Remove a key."""
        self._state.drop(key)
        self._saved.pop(key, None)
        self._changed()

    def write_limited(self, key: str, value: dict[str, Any]) -> None:
        """Save a value of which a browser has many; the oldest of them are removed."""
        kept = [*self.read("kept").get("concerns", ()), key]
        for oldest in kept[:-_MAX_LIMITED]:
            self.drop(oldest)
        self.write("kept", {"concerns": kept[-_MAX_LIMITED:]})
        self.write(key, value)

    def forget(self) -> None:
        """Remove all state, including log, jobs and tokens, in all workers. The id is not used again."""
        self._state.forget()
        self._saved.clear()
        self._changed()

    def _changed(self) -> None:
        self.__dict__.pop("config", None)

    @property
    def api_target(self) -> ApiTarget:
        """The API this browser calls, with the key that belongs to it."""
        saved = self.read("source")
        process = self._app_state.process
        kind = cast("TargetKind | None", saved.get("kind"))
        if kind == "custom":
            custom = ApiTarget("custom", tuple(saved["endpoints"]))
            # The operator may allow fewer endpoints now than when it was saved.
            if is_allowed(process, custom.endpoints):
                return self.with_key(custom)
        chosen = available_targets(process).get(kind) if kind else None
        return self.with_key(chosen or default_target(process))

    @cached_property
    def store_generation(self) -> str:
        """The generation of the store, for the tokens of a page. While the store fails, it is that of none:
        the forms of the page are refused later as well.
        """
        if self.problem is not None:
            return _NO_GENERATION
        return unless_store_fails(
            "the settings of this browser", _NO_GENERATION, self._app_state.database.generation
        )

    @property
    def target_fingerprint(self) -> str:
        """A fingerprint of the target and its key, from which neither can be read."""
        target = self.api_target
        named = repr((target.pair, target.key)).encode()
        return hmac.new(self._app_state.secret_key.encode(), named, hashlib.sha256).hexdigest()[:12]

    def with_key(self, target: ApiTarget) -> ApiTarget:
        """A target with the key typed for exactly these endpoints, if there is one."""
        typed = self.read(_key_of(target)).get("key")
        if typed is None:
            return target
        return ApiTarget(target.kind, target.endpoints, typed, "typed in this browser")

    def save_key(self, target: ApiTarget, key: str | None) -> None:
        """Save a key for a target's endpoints; None removes it."""
        if key is None:
            self.drop(_key_of(target))
        else:
            self.write(_key_of(target), {"key": key})

    @property
    def options(self) -> dict[str, Any]:
        """Options changed in Settings."""
        return self.read("options")

    @cached_property
    def config(self) -> Config:
        """The configuration of this browser's client."""
        target = self.api_target
        options = {name: value for name, value in self.options.items() if name != "total_timeout"}
        base = self._app_state.clients.base_config
        return base.replace(
            **{**options, "api_key": target.key, "base_urls": target.endpoints, "total_timeout": None}
        )

    @property
    def budget(self) -> float:
        """Seconds a panel may take: `total_timeout` of Settings."""
        return cast(float, self.options.get("total_timeout") or PANEL_BUDGET)

    @property
    def effective_options(self) -> dict[str, Any]:
        """The value of each option of Settings as panels use it; `total_timeout` is their budget."""
        values = {option.name: getattr(self.config, option.name) for option in OPTIONS}
        return {**values, **self.options, "total_timeout": self.budget}

    @property
    def rental_ledger(self) -> RentalLedger:
        """The rental ledger for changes of this browser: what is rented through it has its label."""
        state = self._app_state
        return state.rental_ledger.owned_by(owner_label(state.secret_key, self.id, self.api_target))

    def shares_account(self, rental: Rental) -> bool:
        """Whether an entry of the ledger belongs to the account that this browser uses."""
        target = self.api_target
        return rental.account == account_fingerprint(target.key) and belongs_to(rental.owner, target)

    def owns(self, rental: Rental) -> bool:
        """Whether this browser has made the rental of an entry, with the account that it uses now."""
        return self.shares_account(rental) and rental.owner.label == self.rental_ledger.label

    @property
    def stop_after(self) -> dict[str, str]:
        """Hours that a rent form begins with, as typed: ``"sandbox"`` and ``"other"``; empty for none."""
        saved = self.read("rentals")
        return {"sandbox": saved.get("sandbox", ""), "other": saved.get("other", DEFAULT_HOURS)}

    @property
    def default_hours(self) -> str:
        """Hours that a rent form of the API in use begins with; empty for no deadline."""
        return self.stop_after["sandbox" if self.api_target.is_sandbox else "other"]

    @property
    def theme(self) -> str:
        """`auto`, `light` or `dark`."""
        return cast(str, self.read("look").get("theme", "auto"))


def _key_of(target: ApiTarget) -> str:
    """The entry of an API key: one per target, so that two tabs do not overwrite each other."""
    return f"{KEY_PREFIX}{target.kind}:{' '.join(target.endpoints)}"


def parse_key_name(name: str) -> tuple[str, tuple[str, ...]]:
    """Kind and endpoints of the target whose API key is saved under a name."""
    kind, _, endpoints = name.removeprefix(KEY_PREFIX).partition(":")
    return kind, tuple(endpoints.split())


def browser_id(cookie: Mapping[str, Any]) -> str | None:
    """The id in a cookie, without reading the state of the browser; None when there is none."""
    id = cookie.get(_ID)
    return id if isinstance(id, str) else None


def current_browser() -> Browser:
    """The browser of the current request. A new browser, and one whose state was removed, gets a new id.

    Raises:
        werkzeug.exceptions.BadRequest: A form of a removed browser state: its one-time tokens are lost, so
            the form could be sent a second time.
        StoreError: The state is not known, and the request is more than the reading of a page.
    """
    browser = g.get("browser")
    if browser is None:
        id = session.get(_ID)
        forgotten = False
        if isinstance(id, str):
            browser = Browser(id)
            forgotten = browser.is_forgotten
        if forgotten:
            session.clear()
        if browser is None or forgotten:
            session[_ID] = secrets.token_urlsafe(18)
            browser = Browser(session[_ID])
        g.browser = browser
        if request.method not in SAFE_METHODS or is_background():
            # Nor a part of a page: the rest of it may show another API target.
            browser.require_state()
        if forgotten and request.method not in SAFE_METHODS:
            abort(400, "The state of this browser was removed after the form was loaded. Reload the page.")
    return cast(Browser, browser)


def require_state_for_changes() -> None:
    """Refuse a request that may change something when the state of its browser is not known."""
    if request.endpoint is not None and request.method not in SAFE_METHODS:
        current_browser()


def renew_id() -> Browser:
    """Give the browser a new id, as at login; the state of the old one is removed."""
    current_browser().forget()
    session.clear()
    g.pop("browser", None)
    return current_browser()
