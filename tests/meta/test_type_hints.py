"""Annotations of the public API can be read at run time: by injectors, pydantic and documentation tools."""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from pathlib import Path

import pytest
import typing_extensions

import flask_octaspace
import octaspace
from octaspace import types
from octaspace.types import payloads

from .public_api import public_objects, typed_dicts

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = public_objects()


def test_the_walk_finds_what_is_public() -> None:
    for kind in (octaspace.Client, octaspace.Config, flask_octaspace.OctaSpace, types.Node, payloads.Node):
        assert PUBLIC[f"{kind.__module__}.{kind.__qualname__}"] is kind
    for name in (
        "octaspace._client.Client.__init__",
        "octaspace._client.Client.config",
        "octaspace._client.Client.from_config",
        "octaspace._shared.configure",
        "octaspace.resources.services.mr.MachineRentals.search",
        "octaspace.resources.services.session.Session.wait_until_ready",
        "octaspace.types.node.Node.from_api",
        "flask_octaspace.extension.OctaSpace.client",
        "flask_octaspace.client.ContextClient.send",
        "flask_octaspace.state.State.__init__",
    ):
        assert inspect.isfunction(PUBLIC[name])
    for module in (octaspace, types, flask_octaspace):
        for name in module.__all__:
            thing = getattr(module, name)
            assert not (inspect.isclass(thing) or inspect.isroutine(thing)) or thing in PUBLIC.values(), name


@pytest.mark.parametrize("extras", [False, True], ids=["plain", "with extras"])
@pytest.mark.parametrize("path", PUBLIC)
def test_annotations_can_be_read(path: str, extras: bool) -> None:
    thing = PUBLIC[path]
    hints = typing.get_type_hints(thing, include_extras=extras)
    assert set(hints) >= set(getattr(thing, "__annotations__", {}))
    assert not [name for name, hint in hints.items() if isinstance(hint, (str, typing.ForwardRef))]


@pytest.mark.parametrize("path", [path for path, thing in PUBLIC.items() if inspect.isroutine(thing)])
def test_signatures_can_be_read(path: str) -> None:
    signature = inspect.signature(PUBLIC[path], eval_str=True)
    assert not [each for each in signature.parameters.values() if isinstance(each.annotation, str)]
    assert not isinstance(signature.return_annotation, str)


def test_what_calls_return() -> None:
    mr = octaspace.Client.services.mr
    assert typing.get_type_hints(mr.create)["return"] == octaspace.Response[payloads.MachineCreated]
    assert typing.get_type_hints(mr.search)["return"] == list[types.MachineOffer]
    assert (
        typing.get_type_hints(octaspace.Client.nodes.list)["return"]
        == octaspace.Response[list[payloads.Node]]
    )
    options = typing.get_type_hints(octaspace.Client.with_options)["options"]
    assert options == typing_extensions.Unpack[octaspace.config.Options]


def test_every_typed_dict_is_found() -> None:
    found = typed_dicts()
    assert payloads.Session in found.values()
    assert {octaspace.config.Options, flask_octaspace.config.Defaults} <= set(found.values())


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="from 3.12 on pydantic takes those of typing as well")
@pytest.mark.parametrize("path", typed_dicts())
def test_typed_dicts_are_those_of_typing_extensions(path: str) -> None:
    assert type(typed_dicts()[path]).__module__ == "typing_extensions"


def test_typed_dicts_are_made_from_one_place() -> None:
    """On any Python: a `typing.TypedDict` would work here and fail in pydantic on an older one."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("octaspace", "flask_octaspace")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "_typing.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module in ("typing", "typing_extensions")
        and {alias.name for alias in node.names} & {"TypedDict", "Unpack", "Self"}
    ]
    assert not wrong
