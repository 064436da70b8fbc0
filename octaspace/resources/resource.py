"""Base class of the resources, and functions that build safe paths and queries."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar, overload
from urllib.parse import quote

from ..request import Request, RequestSender
from ..response import Response
from ..safe_repr import safe_repr

__all__ = ["Part", "Resource", "path_of", "query_of", "segment_of"]

#: Segments that need no encoding and cannot lead to another path: nearly all of them.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")

#: By default Python does not convert integers of more than 4300 digits to text.
_TOO_LARGE: Final = 10**4000


ResourceT = TypeVar("ResourceT", bound="Resource")


class Resource:
    """A part of the API.

    Args:
        sender: Sends the requests.
    """

    # The dict holds what tests set in place of a method; see `Part`.
    __slots__ = ("__dict__", "_sender")

    def __init__(self, sender: RequestSender) -> None:
        self._sender = sender

    def _get(
        self,
        operation: str,
        *segments: object,
        params: Mapping[str, object] | None = None,
        public: bool = False,
        cacheable: bool = False,
    ) -> Response[Any]:
        return self._sender.send(
            Request(
                "GET", path_of(*segments), params=query_of(params or {}), public=public, expects="json",
                operation=operation, cacheable=cacheable,
            )
        )  # fmt: skip

    def _by(self: ResourceT, sender: RequestSender) -> ResourceT:
        """The same resource, what tests have set on it included, with another sender."""
        other = type(self)(sender)
        other.__dict__ = self.__dict__
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of an octaspace.Client>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} belongs to an octaspace.Client and can be neither copied nor pickled: "
            "pass the client's config, and call octaspace.Client.from_config() with it for a client there"
        )


class _Whole(Protocol):
    """An object with parts: a client, or a resource that has resources."""

    @property
    def _sender(self) -> RequestSender: ...


class Part(Generic[ResourceT]):
    """An attribute that is a resource: `nodes` of a client, `mr` of `client.services`.

    Each access creates a resource, which references its client. The client does not reference its resources,
    so it is freed as soon as it is unused. What tests set on a resource
    (``patch.object(client.nodes, "list")``) is kept by the client and is present in every resource of the
    same class that it creates.

    It has no ``__set__``, so an attribute that is set on the client or on the resource takes precedence until
    it is deleted. Read from the class, it is the class of the resource: `create_autospec` needs it to create
    mocks of the client.

    Args:
        kind: Class of the resource.
    """

    __slots__ = ("_kind",)

    def __init__(self, kind: type[ResourceT]) -> None:
        self._kind = kind

    @overload
    def __get__(self, whole: None, owner: object = None) -> type[ResourceT]: ...

    @overload
    def __get__(self, whole: _Whole, owner: object = None) -> ResourceT: ...

    def __get__(self, whole: _Whole | None, owner: object = None) -> ResourceT | type[ResourceT]:
        kind = self._kind
        if whole is None:
            return kind
        sender = whole._sender
        resource = kind(sender)
        resource.__dict__ = sender.overrides[kind]
        return resource


def path_of(*segments: object) -> str:
    """Join path segments, each encoded separately.

    Raises:
        ValueError: A value cannot be a segment; see `segment_of`.
    """
    return "".join(f"/{segment_of(segment)}" for segment in segments)


def segment_of(value: object) -> str:
    """Percent-encode an id as one path segment: ``a/b`` becomes ``a%2Fb`` and a space ``%20``.

    Args:
        value: Text or a whole number.

    Raises:
        ValueError: It is None, empty, of another type, ``.`` or ``..`` (which would lead to another
            path), contains control characters or lone surrogates, or has more digits than Python converts.
    """
    if type(value) is str and _PLAIN.fullmatch(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(
            f"an id must be text or a whole number, not {safe_repr(value)} ({type(value).__name__})"
        )
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        raise ValueError("an id must not have more than 4000 digits")
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} cannot be an id: it would lead to another path")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError(f"an id must not contain control characters or line breaks: {safe_repr(text)}")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"an id must be valid Unicode: {safe_repr(text)}") from None


def query_of(params: Mapping[str, object]) -> dict[str, str]:
    """Format query parameters as the API reads them: ``True`` as ``true``; None is omitted.

    Raises:
        ValueError: A value is not text, a finite number or a boolean, or it or its name is not valid
            Unicode.
    """
    return {name: _query_value(name, value) for name, value in params.items() if value is not None}


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = value
    elif (isinstance(value, int) and abs(value) < _TOO_LARGE) or (
        isinstance(value, float) and math.isfinite(value)
    ):
        text = str(value)
    else:
        raise ValueError(
            f"{name} must be text, a number, True or False to be part of a query, "
            f"not {safe_repr(value)} ({type(value).__name__})"
        )
    try:
        f"{name}{text}".encode()
    except UnicodeEncodeError:
        raise ValueError(f"query parameter {safe_repr(name)}: name and value must be valid Unicode") from None
    return text
