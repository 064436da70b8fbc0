"""Every public method of the SDK by introspection: its parameters, and the request it would send."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, Final, Literal

from flask_octaspace.calls import public_methods
from octaspace import Client, Config, Request, Response
from octaspace.request import BodySink

from .call import SdkCall
from .parameter_texts import parameter_text
from .preview_ledger import PreviewLedger, without_rental_id

__all__ = ["Method", "Parameter", "Preview", "all_methods", "find_method", "parse_time", "preview"]

ArgumentKind = Literal["text", "whole", "number", "id", "switch", "choice", "list", "map", "time", "code"]

#: Methods of a session take its UUID as the first parameter.
_SESSION: Final = "services.session"

_KINDS: Final[dict[Any, ArgumentKind]] = {
    bool: "switch",
    int: "whole",
    float: "number",
    Decimal: "number",
    str: "text",
    datetime: "time",
}

#: Arguments that pass every check the SDK makes before it sends a request.
_EXAMPLES: Final[dict[ArgumentKind, Any]] = {
    "text": "x", "whole": 1, "number": 1, "id": 1, "switch": True, "list": [1], "map": {"base": 1},
    "time": "2100-01-01T00:00:00+00:00",
}  # fmt: skip

Returns = Literal["response", "list", "lines", "session"]

_RETURNS: Final[Mapping[Any, Returns]] = {
    Response: "response",
    list: "list",
    collections.abc.Iterator: "lines",
    AbstractContextManager: "session",
}

_UNIONS: Final = (typing.Union, types.UnionType)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method.

    Attributes:
        name: Its name.
        kind: ArgumentKind of form field; ``"code"`` for values that a form cannot give, such as a callback.
        type: Its type as Python code, without module names.
        required: Whether there is no default.
        positional: Whether it is passed by position.
        default: Its default value; None when there is none.
        meaning: Its help text; empty when there is none.
        choices: The allowed values for ``"choice"``.
        spread: Whether its entries are separate keyword arguments (``**filters``).
        texts: Whether the values of a ``"map"`` are always text.
    """

    name: str
    kind: ArgumentKind
    type: str
    required: bool
    positional: bool
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()
    spread: bool = False
    texts: bool = False


@dataclass(frozen=True)
class Preview:
    """The request a call would send, or why the SDK rejects the call.

    Attributes:
        request: The first request; None when the call is rejected.
        problem: Why the call is rejected.
        field: The invalid argument, if it is known.
        change: Whether the call changes something; True when it is not known.
    """

    request: Request | None = None
    problem: str = ""
    field: str = ""
    change: bool = True

    @property
    def reads_first(self) -> bool:
        """Whether the first request of a change is a read: a rental by app reads the app list first."""
        return self.change and self.request is not None and self.request.is_read


@dataclass(frozen=True)
class Method:
    """A method of a resource.

    Attributes:
        name: Dotted name below the client.
        signature: Its signature as Python code, without module names.
        doc: Its docstring.
        parameters: Its parameters; for methods of a session, the session's UUID comes first.
        returns: ``"response"``; ``"list"`` of typed offers; ``"lines"`` of an iterator; or a
            ``"session"`` as a context manager.
        payload: Name of the answer's type in `octaspace.types.payloads`; empty when it has none.
        many: Whether the answer is a list of this type.
    """

    name: str
    signature: str
    doc: str
    parameters: tuple[Parameter, ...]
    returns: Returns
    payload: str = ""
    many: bool = False

    @property
    def group(self) -> str:
        """The resource it belongs to."""
        return self.name.rpartition(".")[0]

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return self.doc.partition("\n")[0].replace("`", "")

    @cached_property
    def change(self) -> bool:
        """Whether it changes something, determined from the request it makes with example arguments."""
        needed = {part.name: _EXAMPLES[part.kind] for part in self.parameters if part.required}
        found = _first_request(self, needed)
        if found.request is None:
            spread = {part.name: _EXAMPLES["map"] for part in self.parameters if part.spread}
            found = _first_request(self, {**needed, **spread})
        return found.request is None or not found.request.is_read

    @property
    def fields(self) -> tuple[Parameter, ...]:
        """The parameters that have a form field."""
        return tuple(part for part in self.parameters if part.kind != "code")

    def takes(self, name: str) -> bool:
        """Whether it has a parameter with this name."""
        return any(part.name == name for part in self.parameters)

    def line(self, arguments: Mapping[str, Any]) -> SdkCall:
        """The call with arguments by name; those of a ``**`` parameter may be given as one mapping.

        Times are given as text (ISO 8601).
        """
        given = dict(arguments)
        for part in self.parameters:
            if part.kind == "time" and isinstance(given.get(part.name), str):
                given[part.name] = parse_time(given[part.name])
            if part.spread:
                given.update(given.pop(part.name, None) or {})
        line, name = (
            (SdkCall(_SESSION, given.pop("uuid", None)).chain, self.name.rpartition(".")[2])
            if self.name.startswith(f"{_SESSION}.")
            else (SdkCall, self.name)
        )
        first = [given.pop(part.name) for part in self.parameters if part.positional and part.name in given]
        return line(name, *first, **given)


def parse_time(text: str) -> datetime:
    """Read a time in ISO 8601: ``2026-11-26T18:00:00+02:00``, or with ``Z`` for UTC.

    Raises:
        ValueError: It is something else.
    """
    text = text.strip()
    try:
        # Python 3.10 does not read the Z.
        return datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        raise ValueError(
            f"Enter a time such as 2026-11-26T18:00:00+02:00 or 2026-11-26T16:00:00Z, not {text[:40]!r}."
        ) from None


@lru_cache(maxsize=1)
def all_methods() -> tuple[Method, ...]:
    """Every public method of every resource, sorted by name."""
    client = Client()
    try:
        return tuple(sorted((_method(*found) for found in public_methods(client)), key=lambda it: it.name))
    finally:
        client.close()


def find_method(name: str) -> Method | None:
    """A method by its dotted name, or None."""
    return next((method for method in all_methods() if method.name == name), None)


def preview(method: Method, arguments: Mapping[str, Any]) -> Preview:
    """The request a call would send. The SDK runs the method, and the request is captured instead of sent.

    Args:
        method: The method.
        arguments: Its arguments by name.
    """
    found = _first_request(method, arguments)
    # The first request of a change may be a read.
    change = method.change or found.request is None or not found.request.is_read
    return replace(found, change=change)


def _first_request(method: Method, arguments: Mapping[str, Any]) -> Preview:
    # With a ledger, because a deadline needs one.
    client = CapturingClient.from_config(Config(rental_ledger=PreviewLedger()))
    try:
        _consume(method, method.line(arguments).run(client))
    except _CapturedError as captured:
        return Preview(without_rental_id(captured.request))
    except (TypeError, ValueError) as error:
        text = re.sub(r"^[\w.]+\(\) ", "", str(error))
        return Preview(problem=text, field=_field_named(method, arguments, text))
    finally:
        client.close()
    return Preview(problem="the call sends no request")


def _consume(method: Method, result: Any) -> Any:
    """Start what a method returns: take the first line of an iterator, or enter a context manager."""
    if method.returns == "lines":
        return next(result, None)
    if method.returns == "session":
        with result as session:
            return session
    return result


class _CapturedError(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


class CapturingClient(Client):
    """Raises each request instead of sending it."""

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        raise _CapturedError(request)


def _method(name: str, function: Callable[..., Any]) -> Method:
    hints = typing.get_type_hints(function)
    signature = inspect.signature(function)
    parameters = [_parameter(name, part, hints[part.name]) for part in signature.parameters.values()]
    declared = [_declaration(part, hints[part.name]) for part in signature.parameters.values()]
    if any(part.kind is part.KEYWORD_ONLY for part in signature.parameters.values()):
        declared.insert(sum(part.positional for part in parameters), "*")
    if name.startswith(f"{_SESSION}."):
        meaning = parameter_text(name, "uuid")
        parameters.insert(0, Parameter("uuid", "text", "str", True, False, None, meaning))
    payload, many = _payload(hints["return"])
    return Method(
        name=name,
        signature=f"({', '.join(declared)}) -> {type_text(hints['return'])}",
        doc=inspect.getdoc(function) or "",
        parameters=tuple(parameters),
        returns=_RETURNS[typing.get_origin(hints["return"])],
        payload=payload,
        many=many,
    )


def _parameter(method: str, part: inspect.Parameter, hint: Any) -> Parameter:
    spread = part.kind is part.VAR_KEYWORD
    required = part.default is part.empty and not spread
    kind, choices, texts = ("map", (), False) if spread else _kind(hint)
    return Parameter(
        name=part.name,
        kind=kind,
        type=type_text(hint),
        required=required,
        positional=required and part.kind is part.POSITIONAL_OR_KEYWORD,
        default=None if part.default is part.empty else part.default,
        meaning=parameter_text(method, part.name),
        choices=choices,
        spread=spread,
        texts=texts,
    )


def _declaration(part: inspect.Parameter, hint: Any) -> str:
    stars = "**" if part.kind is part.VAR_KEYWORD else ""
    default = "" if part.default is part.empty else f" = {part.default!r}"
    return f"{stars}{part.name}: {type_text(hint)}{default}"


def type_text(hint: Any) -> str:
    """A type as Python code, without module names: ``"Mapping[str, str] | None"``."""
    if isinstance(hint, list):  # the arguments of a callable
        return f"[{', '.join(map(type_text, hint))}]"
    if hint is type(None):
        return "None"
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return " | ".join(map(type_text, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(type_text, arguments))}]"
    return getattr(hint, "__name__", None) or str(hint)


def _payload(hint: Any) -> tuple[str, bool]:
    """The name of the payload type in a `Response`, or an empty text; and whether it is a list."""
    if typing.get_origin(hint) is not Response:
        return "", False
    (data,) = typing.get_args(hint)
    many = typing.get_origin(data) is list
    item = typing.get_args(data)[0] if many else data
    return (item.__name__, many) if item is not Any and isinstance(item, type) else ("", False)


def _kind(hint: Any) -> tuple[ArgumentKind, tuple[str, ...], bool]:
    """The kind of form field for a type; its choices; and whether the values of a map are text."""
    origin = typing.get_origin(hint)
    if origin in _UNIONS:
        members = [each for each in typing.get_args(hint) if each is not type(None)]
        kinds = {_kind(each)[0] for each in members}
        if kinds == {"whole", "text"}:
            return "id", (), False
        return _kind(members[0]) if len(kinds) == 1 else ("code", (), False)
    if origin is Literal:
        return "choice", tuple(map(str, typing.get_args(hint))), False
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "map", (), typing.get_args(hint) == (str, str)
    if isinstance(origin, type) and issubclass(origin, Iterable) and _takes_numbers(hint):
        return "list", (), False
    return _KINDS.get(hint, "code"), (), False


def _takes_numbers(hint: Any) -> bool:
    """Whether the items of an iterable may be whole numbers: ports, or ids of nodes in place of offers."""
    (item,) = typing.get_args(hint) or (None,)
    return int in (typing.get_args(item) if typing.get_origin(item) in _UNIONS else (item,))


def _field_named(method: Method, arguments: Mapping[str, Any], text: str) -> str:
    """The argument that a message of the SDK refers to; empty when it is not known."""
    words = re.findall(r"\w+", text)
    for part in method.parameters:
        # "score must be …", "missing … argument: 'id'", "an id must be text"
        if part.name in words[:2] or f"'{part.name}'" in text:
            return part.name
        if part.spread and set(arguments.get(part.name) or ()) & set(words[:3]):
            return part.name
    ids = [part.name for part in method.parameters if part.kind == "id" or part.name == "uuid"]
    return ids[0] if len(ids) == 1 and " id" in text else ""
