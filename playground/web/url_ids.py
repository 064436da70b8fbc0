"""Ids in addresses: whatever the API calls a thing, a link leads to it and back to the same id.

An id may hold slashes, quotes and dots. Servers decode a path before it is matched, and browsers tidy
``..`` away; so an id is encoded twice. One of letters, digits and dashes looks as it is. Fields of forms
carry it encoded once: templates print signs in place of characters that are not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from flask import Flask, url_for
from werkzeug.routing import IntegerConverter, UnicodeConverter

from ..formatting import without_surrogates

__all__ = ["decoded", "encoded", "init_app", "links"]


def encoded(value: Any) -> str:
    """An id as fields of forms carry it; `decoded` reads it again."""
    text = quote(without_surrogates(str(value)), safe="")
    return text.replace(".", "%2E") if text in (".", "..") else text


def decoded(text: str) -> str:
    """The id out of a field."""
    return unquote(text)


class NumberConverter(IntegerConverter):
    """``<int:number>`` in a route: one that a store can keep; any other leads to no page."""

    regex = r"[0-9]{1,18}"


class IdConverter(UnicodeConverter):
    """``<id:uuid>`` in a route."""

    def to_python(self, value: str) -> str:
        return decoded(value)

    def to_url(self, value: Any) -> str:
        return quote(encoded(value), safe="")


#: Stands for the id in a pattern of an address; no address of ours has it otherwise.
_MARK: Final = "0-the-id-0"


def links(endpoint: str, name: str, **values: Any) -> Callable[[Any], str]:
    """Addresses that differ in one id alone, for lists of hundreds: `url_for` is asked once.

    Args:
        endpoint: As `url_for` takes it.
        name: The value that differs: an id in the path, or any value of the query.
        values: The others.

    Returns:
        What makes the address of one.
    """
    values = {name: _MARK, **values}
    before, _, after = url_for(endpoint, **values).partition(_MARK)
    if "?" in before:
        return lambda value: before + quote_plus(without_surrogates(str(value)), safe="!$'()*,/:;?@") + after
    return lambda value: before + quote(encoded(value), safe="") + after


def init_app(app: Flask) -> None:
    """Make ids known to routes and templates."""
    app.url_map.converters.update(id=IdConverter, int=NumberConverter)
    app.jinja_env.filters["id_text"] = encoded
    app.jinja_env.globals["links"] = links
