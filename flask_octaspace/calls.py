"""Resource methods by their dotted names, with arguments from a command line.

network.info    nodes.find 123    services.mr.list gpu="RTX 4090"    services.session.logs UUID recent=true
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Final, get_args, get_origin, get_type_hints

from octaspace import Client, Request, Response
from octaspace.request import BodySink

from .client import MaskedClient

__all__ = [
    "ChangeRefusedError",
    "ReadOnlyClient",
    "find_method",
    "method_instead",
    "method_names",
    "parse_arguments",
    "parse_time",
    "public_methods",
]

_PACKAGE: Final = "octaspace.resources"
#: A method that returns a resource. Its first argument is its own; the rest belongs to a method of that
#: resource.
_SESSION: Final = "services.session"

#: Methods that do more than one call, and the method of the same resource that makes one of these calls.
_INSTEAD: Final = {"search": "list", "rent": "create", "rent_any": "create", "follow_logs": "logs"}

_KEYWORD: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

Method = Callable[..., Response[Any]]


class ChangeRefusedError(Exception):
    """The call would change something, and changes are not allowed; see `ReadOnlyClient.may_change`."""


class ReadOnlyClient(MaskedClient):
    """A client that sends only reads, unless `may_change` is set. Its answers never contain the key.

    The check uses the request that is about to be sent, so it also covers methods that are added later.
    """

    may_change = False

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`."""
        if not (request.is_read or self.may_change):
            raise ChangeRefusedError(f"{request.method} {request.path}")
        return super().send(request, timeout=timeout, sink=sink)


def method_names(client: Client) -> list[str]:
    """Every method that can be called, e.g. ``["accounts.balance", …]``."""
    return sorted(name for name, _ in _walk(client))


def method_instead(client: Client, name: str) -> str | None:
    """The method to call in place of one that makes more than one call, e.g. `rent`.

    Args:
        client: The client that has the resources.
        name: Dotted name.

    Returns:
        The dotted name of a method that `find_method` finds; None if the name is none of those methods.
    """
    resource, _, method = name.rpartition(".")
    if method not in _INSTEAD or name not in dict(public_methods(client)):
        return None
    return f"{resource}.{_INSTEAD[method]}"


def find_method(client: Client, name: str, arguments: Sequence[str]) -> tuple[Method, Sequence[str]] | None:
    """Find a public method of a resource by its dotted name.

    Args:
        client: The client that has the resources.
        name: Dotted name.
        arguments: The arguments after the name.

    Returns:
        The method and its remaining arguments; None if there is no such method.

    Raises:
        ValueError: The session's uuid is missing or invalid.
    """
    if name.startswith(f"{_SESSION}.") and name in dict(_walk(client)):
        if not arguments or _KEYWORD.fullmatch(arguments[0]):
            raise ValueError("the first argument is the session's uuid")
        session = client.services.session(arguments[0])
        return dict(_methods(session, _SESSION))[name], arguments[1:]
    method = dict(_walk(client)).get(name)
    return None if method is None else (method, arguments)


def parse_arguments(method: Method, arguments: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Split arguments into positional ones and ``name=value`` ones, and parse their values.

    A value stays text if the parameter takes only text; ``null`` is None where None is allowed. A time is
    parsed from ISO 8601, e.g. ``2026-12-01T10:00:00Z``. For other parameters, ``true``, ``false``, ``null``,
    numbers, and JSON lists and objects are parsed as JSON, and everything else is text.

    Raises:
        ValueError: They do not fit the method.
    """
    signature, hints = inspect.signature(method), get_type_hints(method)
    positional: list[str] = []
    keywords: dict[str, str] = {}
    for argument in arguments:
        keyword = _KEYWORD.fullmatch(argument)
        if keyword is None:
            positional.append(argument)
        elif keyword[1] in keywords:
            raise ValueError(f"{keyword[1]} is given twice")
        else:
            keywords[keyword[1]] = keyword[2]
    try:
        bound = signature.bind(*positional, **keywords)
    except TypeError as error:
        raise ValueError(
            f"{error}; it takes {signature.replace(return_annotation=signature.empty)}"
        ) from None
    for name, parameter in signature.parameters.items():
        if name not in bound.arguments:
            continue
        given = bound.arguments[name]
        if parameter.kind is parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: _value(text) for key, text in given.items()}
        elif parameter.kind is parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(_value(text) for text in given)
        else:
            bound.arguments[name] = _value_for(hints.get(name), name, given)
    return list(bound.args), dict(bound.kwargs)


def _value_for(hint: Any, name: str, text: str) -> Any:
    kinds = {*(get_args(hint) or (hint,))}
    if text == "null" and NoneType in kinds:
        return None
    if kinds <= {str, NoneType}:
        return text
    if datetime not in kinds:
        return _value(text)
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def parse_time(text: str) -> datetime:
    """Read a time in ISO 8601: ``2026-12-01T12:00:00+02:00``, or with ``Z`` for UTC.

    Raises:
        ValueError: It is something else.
    """
    try:
        # Python 3.10 does not read the Z.
        return datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text.strip()))
    except ValueError:
        raise ValueError(f"a time such as 2026-12-01T10:00:00Z is expected, not {text[:40]!r}") from None


def _value(text: str) -> Any:
    if text in ("true", "false", "null") or _NUMBER.fullmatch(text) or text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not valid JSON: {error}") from None
    return text


def public_methods(client: Client) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public method of every resource, by its dotted name below the client.

    ``services.session``, which returns a resource, is left out. The methods of a session are included, bound
    to a session whose uuid is ``"uuid"``.
    """
    for name, resource in _members(client):
        if _is_resource(resource):
            yield from _methods(resource, name)


def _walk(client: Client) -> Iterator[tuple[str, Method]]:
    for name, method in public_methods(client):
        returned = get_type_hints(method)["return"]
        if (get_origin(returned) or returned) is Response:
            yield name, method


def _methods(resource: object, prefix: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in _members(resource):
        path = f"{prefix}.{name}"
        if _is_resource(member):
            yield from _methods(member, path)
        elif path == _SESSION:
            yield from _methods(member("uuid"), path)
        elif inspect.ismethod(member):
            yield path, member


def _members(thing: object) -> Iterator[tuple[str, Any]]:
    for name in dir(thing):
        if not name.startswith("_"):
            yield name, getattr(thing, name)


def _is_resource(value: object) -> bool:
    module = type(value).__module__
    return module == _PACKAGE or module.startswith(f"{_PACKAGE}.")
