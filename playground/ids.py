"""Ids in addresses: whatever the API calls a thing, a link leads to it and back to the same id.

An id may hold slashes, quotes and dots. Servers decode a path before it is matched, and browsers tidy
``..`` away; so an id is encoded twice. One of letters, digits and dashes looks as it is.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from flask import Flask
from werkzeug.routing import UnicodeConverter

__all__ = ["init_app"]


class IdConverter(UnicodeConverter):
    """``<id:uuid>`` in a route."""

    def to_python(self, value: str) -> str:
        return unquote(value)

    def to_url(self, value: Any) -> str:
        once = quote(str(value), safe="", errors="replace")
        return quote(once.replace(".", "%2E") if once in (".", "..") else once, safe="")


def init_app(app: Flask) -> None:
    """Make it known to routes."""
    app.url_map.converters["id"] = IdConverter
