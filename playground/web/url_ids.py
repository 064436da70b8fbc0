"""Ids in URLs: any id of the API can be put into a URL and read from it unchanged.

An id may contain slashes, quotes and dots. Servers decode a path before it is matched, and browsers resolve
``..``; so an id is encoded twice. An id of letters, digits and dashes is not changed by this. Form fields
contain it encoded once, because templates replace invisible characters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

from flask import Flask, url_for
from werkzeug.routing import IntegerConverter, UnicodeConverter

from ..formatting import without_surrogates
from .responses import MAX_ADDRESS

__all__ = ["decoded", "encoded", "init_app", "links", "review_url"]


def encoded(value: Any) -> str:
    """Encode an id for a form field; `decoded` is the inverse."""
    text = str(value)
    if text.isalnum() and text.isascii():
        return text
    text = quote(without_surrogates(text), safe="")
    return text.replace(".", "%2E") if text in (".", "..") else text


def decoded(text: str) -> str:
    """Decode the id of a form field."""
    return unquote(text)


class NumberConverter(IntegerConverter):
    """``<int:number>`` in a route: a number that the store can hold; any other is a missing page."""

    regex = r"[0-9]{1,18}"

    def to_url(self, value: Any) -> str:
        return _PLACEHOLDER if value == _PLACEHOLDER else super().to_url(value)


class IdConverter(UnicodeConverter):
    """``<id:uuid>`` in a route."""

    def to_python(self, value: str) -> str:
        return decoded(value)

    def to_url(self, value: Any) -> str:
        # Encoded once more, for the path: what `encoded` returns has no other character that would be.
        return encoded(value).replace("%", "%25")


#: Placeholder of the id in a URL; no URL of the app contains it otherwise.
_PLACEHOLDER: Final = "0-the-id-0"


def links(endpoint: str, name: str, **values: Any) -> Callable[[Any], str]:
    """Make many URLs that differ in one value, with a single call of `url_for`.

    Args:
        endpoint: As `url_for` takes it.
        name: The value that differs: an id in the path, or any value of the query.
        values: The other values.

    Returns:
        A function that makes the URL for a value.
    """
    values = {name: _PLACEHOLDER, **values}
    before, _, after = url_for(endpoint, **values).partition(_PLACEHOLDER)
    if "?" in before:
        return lambda value: before + quote_plus(without_surrogates(str(value)), safe="!$'()*,/:;?@") + after
    return lambda value: before + encoded(value).replace("%", "%25") + after  # as `IdConverter.to_url`


def review_url(endpoint: str, name: str, ids: Sequence[str], *, most: int, room: int = 0) -> str:
    """The URL of a page that reviews a change of selected objects.

    Args:
        endpoint: As `url_for` takes it.
        name: The parameter of the ids.
        ids: The selected objects.
        most: Maximum number of objects.
        room: Characters that the page adds to its URL.

    Returns:
        A URL that servers accept, with the first of the ids. The number of the others is its parameter
        ``left_out``.
    """
    kept = list(ids[:most])
    while True:
        left_out = len(ids) - len(kept)
        values: dict[str, Any] = {name: [encoded(id) for id in kept], "left_out": left_out or None}
        address = url_for(endpoint, **values)
        if len(address) <= MAX_ADDRESS - room or not kept:
            return address
        kept.pop()


def init_app(app: Flask) -> None:
    """Register the converters of routes and the functions of templates."""
    app.url_map.converters.update(id=IdConverter, int=NumberConverter)
    app.jinja_env.filters["id_text"] = encoded
    app.jinja_env.globals["links"] = links
