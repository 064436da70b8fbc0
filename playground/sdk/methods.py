"""Every public method of the SDK, found from the SDK itself: what it takes, and what it would send."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any, Final, Literal

import octaspace
from flask_octaspace.calls import public_methods
from octaspace import Client, Config, Request, Response
from octaspace.request import BodySink
from octaspace.resources.services import search

from .call import SdkCall

__all__ = ["Method", "Parameter", "Preview", "all_methods", "find_method", "preview"]

Kind = Literal["text", "whole", "number", "id", "switch", "choice", "list", "map", "code"]

#: Methods of a session take its uuid first.
_SESSION: Final = "services.session"

_KINDS: Final[dict[Any, Kind]] = {
    bool: "switch",
    int: "whole",
    float: "number",
    Decimal: "number",
    str: "text",
}

#: Arguments good enough for every check the SDK makes before it sends something.
_EXAMPLES: Final[dict[Kind, Any]] = {
    "text": "x", "whole": 1, "number": 1, "id": 1, "switch": True, "list": [1], "map": {"base": 1},
}  # fmt: skip

Returns = Literal["response", "list", "lines", "session"]


@dataclass(frozen=True)
class Parameter:
    """An argument of a method.

    Attributes:
        name: Its name.
        kind: What a form makes of it; ``"code"`` for what only code can give, such as a callback.
        type: Its type as the SDK writes it.
        required: Whether there is no default.
        positional: Whether it may be given without its name.
        default: Its default; None when there is none.
        meaning: What the docstring says of it.
        choices: The values there are, for ``"choice"``.
        spread: Whether its entries are arguments of their own (``**filters``).
        texts: Whether the values of a ``"map"`` are text, whatever they look like.
    """

    name: str
    kind: Kind
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
    """What a call would send, or why the SDK refuses to.

    Attributes:
        request: The first request; None when it is refused.
        problem: Why it is refused.
        field: The argument that is at fault, if the SDK names one.
        change: Whether the call changes something. What cannot be told is taken for a change.
    """

    request: Request | None = None
    problem: str = ""
    field: str = ""
    change: bool = True

    @property
    def looks_first(self) -> bool:
        """Whether a read comes before the change: a rental by app reads the catalogue."""
        return self.change and self.request is not None and self.request.is_read


@dataclass(frozen=True)
class Method:
    """A method of a resource.

    Attributes:
        name: Dotted name below the client.
        signature: As Python shows it, without the types' modules.
        doc: Its docstring.
        parameters: What it takes; the session's uuid first, where there is one.
        returns: ``"response"``; ``"list"`` of typed offers; ``"lines"`` one after the other; or a
            ``"session"`` for a `with` block.
        payload: Name of what an answer consists of, as the SDK calls it; empty when it has none.
        many: Whether the answer is a list of that.
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
        """Whether it changes something, going by the request it makes of example arguments."""
        needed = {part.name: _EXAMPLES[part.kind] for part in self.parameters if part.required}
        found = _first_request(self, needed)
        if found.request is None:
            spread = {part.name: _EXAMPLES["map"] for part in self.parameters if part.spread}
            found = _first_request(self, {**needed, **spread})
        return found.request is None or not found.request.is_read

    @property
    def fields(self) -> tuple[Parameter, ...]:
        """The parameters that a form can give."""
        return tuple(part for part in self.parameters if part.kind != "code")

    def takes(self, name: str) -> bool:
        """Whether it has a parameter of that name."""
        return any(part.name == name for part in self.parameters)

    def line(self, arguments: Mapping[str, Any]) -> SdkCall:
        """The call with arguments by name; those of a spread parameter may be given as one object."""
        given = dict(arguments)
        for part in self.parameters:
            if part.spread:
                given.update(given.pop(part.name, None) or {})
        line, name = (
            (SdkCall(_SESSION, given.pop("uuid", None)).chain, self.name.rpartition(".")[2])
            if self.name.startswith(f"{_SESSION}.")
            else (SdkCall, self.name)
        )
        first = [given.pop(part.name) for part in self.parameters if part.positional and part.name in given]
        return line(name, *first, **given)


@lru_cache(maxsize=1)
def all_methods() -> tuple[Method, ...]:
    """Every public method of every resource, in order of its name."""
    client = Client()
    try:
        return tuple(sorted((_method(*found) for found in public_methods(client)), key=lambda it: it.name))
    finally:
        client.close()


def find_method(name: str) -> Method | None:
    """A method by its dotted name, or None."""
    return next((method for method in all_methods() if method.name == name), None)


def preview(method: Method, arguments: Mapping[str, Any]) -> Preview:
    """What a call would send: the SDK makes it in earnest, and the request is caught before the wire.

    Args:
        method: The method.
        arguments: By name.
    """
    found = _first_request(method, arguments)
    # The first request of a change may be a read.
    change = method.change or found.request is None or not found.request.is_read
    return replace(found, change=change)


def _first_request(method: Method, arguments: Mapping[str, Any]) -> Preview:
    client = CapturingClient.from_config(Config())
    try:
        _consume(method, method.line(arguments).run(client))
    except _CaughtError as caught:
        return Preview(caught.request)
    except (TypeError, ValueError) as error:
        text = re.sub(r"^[\w.]+\(\) ", "", str(error))
        return Preview(problem=text, field=_field_named(method, arguments, text))
    finally:
        client.close()
    return Preview(problem="it sends nothing")


def _consume(method: Method, result: Any) -> Any:
    """Make what a method returns happen: the first line of a generator, the beginning of a block."""
    if method.returns == "lines":
        return next(result, None)
    if method.returns == "session":
        with result as session:
            return session
    return result


class _CaughtError(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


class CapturingClient(Client):
    """Sends nothing: it raises the request instead."""

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        raise _CaughtError(request)


def _method(name: str, function: Callable[..., Any]) -> Method:
    signature = inspect.signature(function)
    doc = inspect.getdoc(function) or ""
    parameters = [_parameter(part, _hint(function, part.name), doc) for part in signature.parameters.values()]
    shown = [_shown(part) for part in signature.parameters.values()]
    if any(part.kind is part.KEYWORD_ONLY for part in signature.parameters.values()):
        shown.insert(sum(part.positional for part in parameters), "*")
    if name.startswith(f"{_SESSION}."):
        parameters.insert(0, Parameter("uuid", "text", "str", True, False, None, "The session."))
    returns = _plain(signature.return_annotation)
    payload = re.fullmatch(r"Response\[(list\[)?(\w+)\]?\]", returns)
    return Method(
        name=name,
        signature=f"({', '.join(shown)}) -> {returns}",
        doc=doc,
        parameters=tuple(parameters),
        returns=_returns(returns),
        payload=payload[2] if payload else "",
        many=bool(payload and payload[1]),
    )


def _hint(function: Callable[..., Any], name: str) -> Any:
    """The type of a parameter; None when its words cannot be understood here."""
    known = {**vars(collections.abc), **vars(octaspace.types), **vars(search), **function.__globals__}
    words = SimpleNamespace(__annotations__={name: function.__annotations__.get(name)})
    try:
        return typing.get_type_hints(words, known, {"Decimal": Decimal}).get(name)
    except NameError:
        return None


def _parameter(part: inspect.Parameter, hint: Any, doc: str) -> Parameter:
    spread = part.kind is part.VAR_KEYWORD
    required = part.default is part.empty and not spread
    kind, choices, texts = ("map", (), False) if spread else _kind(hint)
    return Parameter(
        name=part.name,
        kind=kind,
        type=_plain(part.annotation),
        required=required,
        positional=required and part.kind is part.POSITIONAL_OR_KEYWORD,
        default=None if part.default is part.empty else part.default,
        meaning=_meaning(doc, part.name),
        choices=choices,
        spread=spread,
        texts=texts,
    )


def _shown(part: inspect.Parameter) -> str:
    stars = "**" if part.kind is part.VAR_KEYWORD else ""
    default = "" if part.default is part.empty else f" = {part.default!r}"
    return f"{stars}{part.name}: {_plain(part.annotation)}{default}"


def _plain(annotation: Any) -> str:
    """A type without the modules it comes from."""
    return re.sub(r"\b(?:types\.payloads|payloads|builtins)\.", "", str(annotation))


def _kind(hint: Any) -> tuple[Kind, tuple[str, ...], bool]:
    """What a form makes of a type; also the choices there are, and whether a map's values are text."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        several = [each for each in typing.get_args(hint) if each is not type(None)]
        kinds = {_kind(each)[0] for each in several}
        if kinds == {"whole", "text"}:
            return "id", (), False
        return _kind(several[0]) if len(kinds) == 1 else ("code", (), False)
    if origin is Literal:
        return "choice", tuple(map(str, typing.get_args(hint))), False
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "map", (), typing.get_args(hint) == (str, str)
    if isinstance(origin, type) and issubclass(origin, Iterable) and typing.get_args(hint) == (int,):
        return "list", (), False
    return _KINDS.get(hint, "code"), (), False


def _returns(hint: str) -> Returns:
    if "ContextManager" in hint:
        return "session"
    if "Iterator" in hint:
        return "lines"
    return "response" if "Response" in hint else "list"


def _meaning(doc: str, name: str) -> str:
    """What the `Args:` of a docstring say of an argument."""
    part = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", doc, re.MULTILINE | re.DOTALL)
    if part is None:
        return ""
    found = re.search(rf"^ {{4}}{name}: (.+?)(?=^ {{4}}\w+: |\Z)", part[1], re.MULTILINE | re.DOTALL)
    return "" if found is None else " ".join(found[1].replace("`", "").split())


def _field_named(method: Method, arguments: Mapping[str, Any], text: str) -> str:
    """The argument that a message of the SDK is about; empty when that cannot be told."""
    words = re.findall(r"\w+", text)
    for part in method.parameters:
        # "score must be …", "missing … argument: 'id'", "an id must be text"
        if part.name in words[:2] or f"'{part.name}'" in text:
            return part.name
        if part.spread and set(arguments.get(part.name) or ()) & set(words[:3]):
            return part.name
    ids = [part.name for part in method.parameters if part.kind == "id" or part.name == "uuid"]
    return ids[0] if len(ids) == 1 and " id" in text else ""
