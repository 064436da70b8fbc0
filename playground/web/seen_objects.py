"""The nodes and sessions that a browser has seen on pages, for its search; kept with the browser's state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    saved = browser.read(_KEY)
    if saved.get("of") != browser.target_fingerprint:
        return SeenObjects()
    return SeenObjects(
        tuple(SeenNode(*node) for node in saved["nodes"]),
        tuple(SeenSession(*session) for session in saved["sessions"]),
    )


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
        before = seen_objects(browser)
        nodes = _nodes(answers[_NODES]) if _NODES in answers else before.nodes
        sessions = before.sessions
        if _ACTIVE in answers:
            sessions = _updated(sessions, _sessions(answers[_ACTIVE], ended=False), complete=True)
        if _ENDED in answers:
            sessions = _updated(sessions, _sessions(answers[_ENDED], ended=True), complete=False)
        if (nodes, sessions) == (before.nodes, before.sessions):
            return
        saved = {
            "of": browser.target_fingerprint,
            "nodes": [[node.id, node.place] for node in nodes],
            "sessions": [[session.uuid, session.name, session.ended] for session in sessions],
        }
        try:
            browser.note(_KEY, saved)
        except StoreFullError as error:
            _log.warning("What a browser has seen is not kept: %s", error)


def _nodes(answer: list[Any]) -> tuple[SeenNode, ...]:
    found = []
    for item in answer:
        id = single_line(get_path(item, "id"))
        if id:
            where = [single_line(get_path(item, f"location.{name}"), 40) for name in ("city", "country")]
            found.append(SeenNode(id, ", ".join(part for part in where if part)))
    return tuple(found[:_MAX_NODES])


def _sessions(answer: list[Any], *, ended: bool) -> list[SeenSession]:
    found = []
    for item in answer:
        uuid = get_path(item, "uuid")
        if isinstance(uuid, str) and 0 < len(uuid) <= _MAX_ID:
            name = single_line(get_path(item, "app_name"), 60)
            name = name or single_line(service_name(get_path(item, "service")), 30) or "Session"
            found.append(SeenSession(uuid, name, ended))
    return found


def _updated(
    before: tuple[SeenSession, ...], found: list[SeenSession], *, complete: bool
) -> tuple[SeenSession, ...]:
    """The found sessions and the others that are known. Active ones missing in a complete list have ended."""
    new = {session.uuid for session in found}
    others = [session for session in before if session.uuid not in new]
    if complete:
        others = [SeenSession(session.uuid, session.name, True) for session in others]
    sessions = sorted([*found, *others], key=lambda session: session.ended)
    return tuple(sessions[:_MAX_SESSIONS])
