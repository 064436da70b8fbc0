"""Search for pages, methods, and the nodes and sessions that this browser has seen."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from ...browser.state import current_browser
from .entries import MAX_SHOWN, all_entries, matching

bp = Blueprint("search", __name__, url_prefix="/playground/search")


@bp.get("")
def index() -> str:
    """The results for a query, as links."""
    query = request.args.get("q", "").strip()
    found = matching(all_entries(current_browser()), query)
    return render_template("search/index.html", query=query, results=found[:MAX_SHOWN], count=len(found))


@bp.get("/entries")
def entries() -> dict[str, Any]:
    """All entries, for the command palette."""
    return {"entries": [entry.as_json() for entry in all_entries(current_browser())]}
