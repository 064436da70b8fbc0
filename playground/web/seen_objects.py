"""The nodes and sessions that a browser has seen on pages, for its search; kept with the browser's state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from flask import Flask

from ..browser.state import Browser
from ..domain.sessions import service_name
from ..sdk.json_access import get_path, single_line
from ..store import StoreFullError
from .panels import Panel, PanelRequest, register_companion

__all__ = ["SeenNode", "SeenObjects", "SeenSession", "init_app", "seen_objects"]

#: Maximum number of nodes and of sessions that are kept.
_MAX_NODES: Final = 1000
_MAX_SESSIONS: Final = 100

#: Longest id that is kept; a longer one is left out.
_MAX_ID: Final = 200

#: Under this key the browser's state holds them.
_KEY: Final = "seen"

_NODES: Final = "client.nodes.list()"
_ACTIVE: Final = "client.sessions.list()"
_ENDED: Final = "client.sessions.list(recent=True)"

_log = logging.getLogger("playground")


@dataclass(frozen=True)
class SeenNode:
    """A node: its id, and its city and country."""

    id: str
    place: str


@dataclass(frozen=True)
class SeenSession:
    """A session.

    Attributes:
        uuid: Its id.
        name: Name of its application, or its service.
        ended: Whether it was last seen among the ended ones.
    """

    uuid: str
    name: str
    ended: bool


@dataclass(frozen=True)
class SeenObjects:
    """What a browser has seen of its current account, in the order of the API's lists."""

    nodes: tuple[SeenNode, ...] = ()
    sessions: tuple[SeenSession, ...] = ()


def init_app(app: Flask) -> None:
    """Note what the pages of the app show."""
    register_companion(app, _Notes())


def seen_objects(browser: Browser) -> SeenObjects:
    """What the browser has seen with its current API target and key."""
    saved = _saved(browser)
    return SeenObjects(
        tuple(SeenNode(*node) for node in saved["nodes"]),
        tuple(SeenSession(*session) for session in saved["sessions"]),
    )


def _saved(browser: Browser) -> dict[str, Any]:
    """The entry of the browser's state: lists of the values of `SeenNode` and of `SeenSession`."""
    target, saved = browser.target_fingerprint, browser.read(_KEY)
    return saved if saved.get("of") == target else {"of": target, "nodes": [], "sessions": []}


class _Notes:
    """`playground.web.panels.Companion` that makes no call: it reads the answers of lists."""

    def panel_request(self, browser: Browser, requests: Sequence[PanelRequest]) -> PanelRequest | None:
        """No call."""
        return None

    def loaded(self, browser: Browser, panels: Iterable[Panel]) -> None:
        """Save the nodes and sessions of the answers, if they are new."""
        answers = {panel.line: panel.answer for panel in panels if isinstance(panel.answer, list)}
        if not answers.keys() & {_NODES, _ACTIVE, _ENDED}:
            return
        before = _saved(browser)
        nodes = _nodes(answers[_NODES]) if _NODES in answers else before["nodes"]
        sessions = before["sessions"]
        if _ACTIVE in answers:
            sessions = _updated(sessions, _sessions(answers[_ACTIVE], ended=False), complete=True)
        if _ENDED in answers:
            sessions = _updated(sessions, _sessions(answers[_ENDED], ended=True), complete=False)
        saved = {"of": browser.target_fingerprint, "nodes": nodes, "sessions": sessions}
        if saved == before:
            return
        try:
            browser.note(_KEY, saved)
        except StoreFullError as error:
            _log.warning("What a browser has seen is not kept: %s", error)


def _nodes(answer: list[Any]) -> list[list[str]]:
    found = []
    for item in answer[:_MAX_NODES]:
        id = single_line(item.get("id")) if isinstance(item, dict) else ""
        if id:
            location = item.get("location")
            where = location if isinstance(location, dict) else {}
            city, country = single_line(where.get("city"), 40), single_line(where.get("country"), 40)
            found.append([id, f"{city}, {country}" if city and country else city or country])
    return found


def _sessions(answer: list[Any], *, ended: bool) -> list[list[Any]]:
    found = []
    for item in answer:
        uuid = get_path(item, "uuid")
        if isinstance(uuid, str) and 0 < len(uuid) <= _MAX_ID:
            name = single_line(get_path(item, "app_name"), 60)
            name = name or single_line(service_name(get_path(item, "service")), 30) or "Session"
            found.append([uuid, name, ended])
    return found


def _updated(before: list[list[Any]], found: list[list[Any]], *, complete: bool) -> list[list[Any]]:
    """The found sessions and the others that are known. Active ones missing in a complete list have ended."""
    new = {uuid for uuid, _, _ in found}
    others = [session for session in before if session[0] not in new]
    if complete:
        others = [[uuid, name, True] for uuid, name, _ in others]
    return sorted([*found, *others], key=itemgetter(2))[:_MAX_SESSIONS]
