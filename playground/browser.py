"""What the server knows of one browser, found by the opaque id in its cookie.

Each concern has an entry of its own, so that two requests at the same time that save different things
do not undo each other.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, cast

from flask import g, session

from octaspace import Config

from .options import PANEL_BUDGET
from .parts import IDLE_SECONDS, current_parts
from .sources import Kind, Source, available, default_source

__all__ = ["Browser", "current_browser"]

_ID = "browser"

#: Concerns of a kind that are kept at most, the latest ones.
_MOST_KEPT = 20

#: How often at most an entry's life is renewed.
_RENEW_AFTER = 600.0


class Browser:
    """State of one browser: its source, typed keys, options and the look of its pages."""

    def __init__(self, id: str) -> None:
        self.id = id
        self._parts = current_parts()

    def read(self, concern: str) -> dict[str, Any]:
        """What was saved for a concern; empty when nothing was, or it expired."""
        key = f"{self.id}:{concern}"
        entry = self._parts.states.get(key)
        if not isinstance(entry, dict):
            return {}
        if time.time() - entry["at"] > _RENEW_AFTER:
            self.write(concern, entry["value"])
        return cast("dict[str, Any]", entry["value"])

    def write(self, concern: str, value: dict[str, Any]) -> None:
        """Save a concern; it expires after 12 idle hours."""
        entry = {"at": time.time(), "value": value}
        self._parts.states.set(f"{self.id}:{concern}", entry, timeout=IDLE_SECONDS)

    def keep(self, concern: str, value: dict[str, Any]) -> None:
        """Save one of many concerns of a kind, so that `forget` finds it."""
        kept = [*self.read("kept").get("concerns", ()), concern]
        for oldest in kept[:-_MOST_KEPT]:
            self._parts.states.delete(f"{self.id}:{oldest}")
        self.write("kept", {"concerns": kept[-_MOST_KEPT:]})
        self.write(concern, value)

    def drop(self, concern: str) -> None:
        """Remove a concern."""
        self._parts.states.delete(f"{self.id}:{concern}")

    def forget(self) -> None:
        """Remove everything."""
        kept = self.read("kept").get("concerns", ())
        for concern in ("source", "keys", "options", "look", "balance", "login", "kept", *kept):
            self.drop(concern)

    @property
    def source(self) -> Source:
        """Where this browser speaks to, with the key that belongs there."""
        saved = self.read("source")
        process = self._parts.process
        kind = cast("Kind | None", saved.get("kind"))
        if kind == "custom":
            return self.with_key(Source("custom", tuple(saved["endpoints"])))
        chosen = available(process).get(kind) if kind else None
        return self.with_key(chosen or default_source(process))

    def with_key(self, source: Source) -> Source:
        """A source with the key typed for exactly these endpoints, if there is one."""
        typed = self.read("keys").get(repr(source.pair))
        if typed is None:
            return source
        return Source(source.kind, source.endpoints, typed, "typed in this browser")

    def save_key(self, source: Source, key: str | None) -> None:
        """Keep a key for a source's endpoints; None forgets it."""
        keys = dict(self.read("keys"))
        if key is None:
            keys.pop(repr(source.pair), None)
        else:
            keys[repr(source.pair)] = key
        self.write("keys", keys)

    @property
    def options(self) -> dict[str, Any]:
        """Options changed in Settings."""
        return self.read("options")

    @property
    def config(self) -> Config:
        """What this browser's client is made with."""
        source = self.source
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


def current_browser() -> Browser:
    """The browser of the current request; a new one gets an id."""
    browser = g.get("browser")
    if browser is None:
        if not isinstance(session.get(_ID), str):
            session[_ID] = secrets.token_urlsafe(18)
        browser = g.browser = Browser(session[_ID])
    return cast(Browser, browser)


def renew_id() -> Browser:
    """Give the browser a new id, as at login; what was saved under the old one goes."""
    current_browser().forget()
    session.clear()
    g.pop("browser", None)
    return current_browser()
