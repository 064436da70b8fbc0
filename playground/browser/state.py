"""What the server knows of one browser, found by the opaque id in its cookie.

Each concern has an entry of its own, so that two requests at the same time that save different things
do not undo each other.
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

from ..app_state import current_app_state
from ..store import BrowserState
from .api_target import ApiTarget, Kind, available, default_target, is_allowed
from .client_options import PANEL_BUDGET

__all__ = ["Browser", "browser_id", "current_browser", "renew_id"]

_ID: Final = "browser"

#: Concerns that are kept side by side at most, the latest ones; see `Browser.keep`.
_MAX_KEPT: Final = 20


class Browser:
    """State of one browser: its source, typed keys, options and the look of its pages.

    An object serves one request: what was saved is read once, at the first use.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self._parts = current_app_state()
        self._state = BrowserState(self._parts.database, id)

    @cached_property
    def _loaded(self) -> dict[str, dict[str, Any]] | None:
        return self._state.load()

    @cached_property
    def _saved(self) -> dict[str, dict[str, Any]]:
        return self._loaded or {}

    @property
    def is_forgotten(self) -> bool:
        """Whether everything of it was removed on request, here or in another worker."""
        return self._loaded is None

    def read(self, concern: str) -> dict[str, Any]:
        """What was saved for a concern; empty when nothing was, or it expired."""
        return self._saved.get(concern, {})

    def write(self, concern: str, value: dict[str, Any]) -> None:
        """Save a concern; all of a browser's expire after 12 idle hours."""
        self._state.save(concern, value)
        self._saved[concern] = value
        self._changed()

    def drop(self, concern: str) -> None:
        """Remove a concern."""
        self._state.drop(concern)
        self._saved.pop(concern, None)
        self._changed()

    def keep(self, concern: str, value: dict[str, Any]) -> None:
        """Save one of many concerns of a kind; the oldest make room for it."""
        kept = [*self.read("kept").get("concerns", ()), concern]
        for oldest in kept[:-_MAX_KEPT]:
            self.drop(oldest)
        self.write("kept", {"concerns": kept[-_MAX_KEPT:]})
        self.write(concern, value)

    def forget(self) -> None:
        """Remove everything, log, jobs and tokens too, in all workers; its id is not used again."""
        self._state.forget()
        self._saved.clear()
        self._changed()

    def _changed(self) -> None:
        self.__dict__.pop("config", None)

    @property
    def api_target(self) -> ApiTarget:
        """Where this browser speaks to, with the key that belongs there."""
        saved = self.read("source")
        process = self._parts.process
        kind = cast("Kind | None", saved.get("kind"))
        if kind == "custom":
            custom = ApiTarget("custom", tuple(saved["endpoints"]))
            # The operator may have narrowed what is allowed since it was saved.
            if is_allowed(process, custom.endpoints):
                return self.with_key(custom)
        chosen = available(process).get(kind) if kind else None
        return self.with_key(chosen or default_target(process))

    @property
    def target_mark(self) -> str:
        """Tells the source and its key from others, and says nothing about them."""
        source = self.api_target
        named = repr((source.pair, source.key)).encode()
        return hmac.new(self._parts.secret_key.encode(), named, hashlib.sha256).hexdigest()[:12]

    def with_key(self, source: ApiTarget) -> ApiTarget:
        """A source with the key typed for exactly these endpoints, if there is one."""
        typed = self.read(_key_of(source)).get("key")
        if typed is None:
            return source
        return ApiTarget(source.kind, source.endpoints, typed, "typed in this browser")

    def save_key(self, source: ApiTarget, key: str | None) -> None:
        """Keep a key for a source's endpoints; None forgets it."""
        if key is None:
            self.drop(_key_of(source))
        else:
            self.write(_key_of(source), {"key": key})

    @property
    def options(self) -> dict[str, Any]:
        """Options changed in Settings."""
        return self.read("options")

    @cached_property
    def config(self) -> Config:
        """What this browser's client is made with."""
        source = self.api_target
        options = {name: value for name, value in self.options.items() if name != "total_timeout"}
        base = self._parts.clients.base_config
        return base.replace(
            **{**options, "api_key": source.key, "base_urls": source.endpoints, "total_timeout": None}
        )

    @property
    def budget(self) -> float:
        """Seconds a panel may take: `total_timeout` of Settings."""
        return cast(float, self.options.get("total_timeout") or PANEL_BUDGET)

    @property
    def theme(self) -> str:
        """`auto`, `light` or `dark`."""
        return cast(str, self.read("look").get("theme", "auto"))


def _key_of(source: ApiTarget) -> str:
    """The concern of a key: one per source, so that two tabs that save keys do not undo each other."""
    return f"key:{source.kind}:{' '.join(source.endpoints)}"


def browser_id(cookie: Mapping[str, Any]) -> str | None:
    """The id that a cookie holds, without a look at what is known of it; None when it holds none."""
    id = cookie.get(_ID)
    return id if isinstance(id, str) else None


def current_browser() -> Browser:
    """The browser of the current request; a new one gets an id, and so does one that was forgotten.

    Raises:
        werkzeug.exceptions.BadRequest: A form of a forgotten browser: its one-time tokens are not known any
            more, so it might be sent a second time.
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
        if forgotten and request.method not in ("GET", "HEAD", "OPTIONS"):
            abort(400, "This browser was forgotten since the form was loaded. Load the page again.")
    return cast(Browser, browser)


def renew_id() -> Browser:
    """Give the browser a new id, as at login; what was saved under the old one goes."""
    current_browser().forget()
    session.clear()
    g.pop("browser", None)
    return current_browser()
