"""What search finds, and in which order: the same rules as in static/js/palette.js."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app, url_for

from ...browser.state import Browser
from ...domain.sessions import short_id
from ...sdk.json_access import single_line
from ...sdk.methods import all_methods
from ...web.navigation import GROUPS
from ...web.seen_objects import seen_objects
from ...web.url_ids import links

__all__ = ["MAX_SHOWN", "Entry", "all_entries", "matching"]

#: Results that are shown at most.
MAX_SHOWN: Final = 50

#: Characters of a query that count.
_MAX_QUERY: Final = 100


@dataclass(frozen=True)
class Entry:
    """A place to go to.

    Attributes:
        kind: ``Page``, ``Session``, ``Node`` or ``Method``.
        title: Its name.
        hint: What it is, in a few words.
        url: Its address in this app.
    """

    kind: str
    title: str
    hint: str
    url: str

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "title": self.title, "hint": self.hint, "url": self.url}


def all_entries(browser: Browser) -> list[Entry]:
    """Pages, and the sessions and nodes that the browser has seen, and methods. Makes no API call."""
    seen = seen_objects(browser)
    session_url = links("sessions.show", "uuid")
    ended_url = links("sessions.show", "uuid", recent="true")
    node_url = links("nodes.show", "node_id")
    found = [
        Entry("Page", page.title, group, url_for(page.endpoint))
        for group, pages in GROUPS
        for page in pages
        if page.endpoint in current_app.view_functions
    ]
    for session in seen.sessions:
        hint = f"{single_line(short_id(session.uuid))} · {'ended' if session.ended else 'active'}"
        url = ended_url(session.uuid) if session.ended else session_url(session.uuid)
        found.append(Entry("Session", session.name, hint, url))
    found += [Entry("Node", f"Node {node.id}", node.place, node_url(node.id)) for node in seen.nodes]
    for method in all_methods():
        found.append(
            Entry("Method", method.name, method.summary, url_for("runner.index", method=method.name))
        )
    return found


def matching(entries: list[Entry], query: str) -> list[Entry]:
    """The entries for a query, the best first; those of equal rank keep their order. Empty: all entries."""
    text = query[:_MAX_QUERY].strip().lower()
    if not text:
        return entries
    ranked = [(_rank(entry, text), entry) for entry in entries]
    return [entry for rank, entry in sorted(ranked, key=lambda pair: pair[0]) if rank < _NO_MATCH]


_NO_MATCH: Final = 5


def _rank(entry: Entry, text: str) -> int:
    """How well an entry fits.

    Returns:
        0 if the title begins with the text, 1 if a word of it does, 2 if it contains the text, 3 if all words
        of the text occur in title, kind and hint, 4 if its letters occur in the title in this order.
    """
    title = entry.title.lower()
    if title.startswith(text):
        return 0
    at = title.find(text)
    while at > 0:
        if not title[at - 1].isalnum():
            return 1
        at = title.find(text, at + 1)
    if text in title:
        return 2
    whole = f"{title} {entry.kind} {entry.hint}".lower()
    if all(word in whole for word in text.split()):
        return 3
    letters = iter(title)
    return 4 if all(letter in letters for letter in re.sub(r"\s", "", text)) else _NO_MATCH
