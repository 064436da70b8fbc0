"""What all resources have in common: a way to the API, and paths and queries made safe."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ..request import Request, Trip
from ..response import Response

__all__ = ["Resource", "path_of", "query_of", "segment_of"]

#: What stands in a path as it is, and leads nowhere else: nearly every segment.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")


class Resource:
    """A part of the API.

    Args:
        trip: The way to the API and back.
    """

    __slots__ = ("_trip",)

    def __init__(self, trip: Trip) -> None:
        self._trip = trip

    def _get(
        self, *segments: object, params: Mapping[str, object] | None = None, public: bool = False
    ) -> Response[Any]:
        request = Request("GET", path_of(*segments), params=query_of(params or {}), public=public)
        return self._trip.send(request)

    def _post(self, *segments: object, body: Any = None) -> Response[Any]:
        return self._trip.send(Request("POST", path_of(*segments), body=body))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of an octaspace.Client>"


def path_of(*segments: object) -> str:
    """Join path segments, each encoded for itself.

    Raises:
        ValueError: A segment cannot be one; see `segment_of`.
    """
    return "".join(f"/{segment_of(segment)}" for segment in segments)


def segment_of(value: object) -> str:
    """Percent-encode an id as one path segment: ``a/b`` becomes ``a%2Fb`` and a space ``%20``.

    Args:
        value: Text or a whole number.

    Raises:
        ValueError: It is None, empty, of another type, ``.`` or ``..`` (which would lead to another
            path), or has control characters or lone surrogates in it.
    """
    if type(value) is str and _PLAIN.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"an id must be text or a whole number, not {value!r} ({type(value).__name__})")
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} cannot be an id: it would lead to another path")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError(f"an id must not have control characters or line breaks in it: {text!r}")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"an id must be valid Unicode: {text!r}") from None


def query_of(params: Mapping[str, object]) -> dict[str, str]:
    """Write query parameters as the API reads them: ``True`` as ``true``; None is left out.

    Raises:
        ValueError: A value is neither text, a finite number nor a truth value.
    """
    return {name: _query_value(name, value) for name, value in params.items() if value is not None}


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise ValueError(
        f"{name} must be text, a number, True or False to stand in a query, "
        f"not {value!r} ({type(value).__name__})"
    )
