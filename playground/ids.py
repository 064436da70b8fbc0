"""Ids in addresses: whatever the API calls a thing, a link leads to it and back to the same id.

An id may hold slashes, quotes and dots. Servers decode a path before it is matched, and browsers tidy
``..`` away; so an id is encoded twice. One of letters, digits and dashes looks as it is. Fields of forms
carry it encoded once: templates print signs in place of characters that are not seen.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from flask import Flask
from werkzeug.routing import UnicodeConverter

__all__ = ["decoded", "encoded", "init_app"]


def encoded(value: Any) -> str:
    """An id as fields of forms carry it; `decoded` reads it again."""
    text = quote(str(value), safe="", errors="replace")
    return text.replace(".", "%2E") if text in (".", "..") else text


def decoded(text: str) -> str:
    """The id out of a field."""
    return unquote(text)


class IdConverter(UnicodeConverter):
    """``<id:uuid>`` in a route."""

    def to_python(self, value: str) -> str:
        return decoded(value)

    def to_url(self, value: Any) -> str:
        return quote(encoded(value), safe="")


def init_app(app: Flask) -> None:
    """Make ids known to routes and templates."""
    app.url_map.converters["id"] = IdConverter
    app.jinja_env.filters["id_text"] = encoded
