"""Query parameters that filter a list (Q29): country, state, category and app.

Unknown and empty parameters are ignored.
"""

from __future__ import annotations

from typing import Any

from ..datasets.market import cards
from ..world.nodes import Node

Rows = list[dict[str, Any]]


def wants_node(node: Node, query: dict[str, str]) -> bool:
    """Whether GET /nodes lists this node, by `country` (name or ISO code) and `state`."""
    country, state = _wanted(query, "country"), _wanted(query, "state")
    if country and country not in _words({**node.location, **node.location_more}, "country", "isocode"):
        return False
    return not state or state in _words({"state": node.visible_state()}, "state")


def relays(rows: Rows, query: dict[str, str]) -> Rows:
    """A catalogue of nodes by `country` (name or ISO code)."""
    country = _wanted(query, "country")
    return [row for row in rows if not country or country in _words(row, "country", "country_iso")]


def machines(rows: Rows, query: dict[str, str], apps: Rows) -> Rows:
    """The same, and by `app` (uuid or name): the nodes on which it fits."""
    rows, app = relays(rows, query), _wanted(query, "app")
    if app:
        wanted = applications(apps, {"app": app})
        rows = [row for row in rows if any(_fits(each, row) for each in wanted)]
    return rows


def applications(rows: Rows, query: dict[str, str]) -> Rows:
    """GET /apps by `category` and `app` (uuid or name)."""
    category, app = _wanted(query, "category"), _wanted(query, "app")
    if category:
        rows = [row for row in rows if category in _words(row, "category")]
    if app:
        rows = [row for row in rows if app in _words(row, "uuid", "name")]
    return rows


def _wanted(query: dict[str, str], name: str) -> str:
    return query.get(name, "").strip().casefold()


def _words(row: dict[str, Any], *names: str) -> list[str]:
    return [str(row[name]).casefold() for name in names if row.get(name) is not None]


def _fits(app: dict[str, Any], offer: dict[str, Any]) -> bool:
    """Whether disk and video memory of a node suffice for an application."""
    if app["extra"]["min_disk_size"] * 10**9 > offer.get("free_disk", 0):
        return False
    return bool(app["min_vram_gb"] * 1000 <= max((card["mem_total_mb"] for card in cards(offer)), default=0))
