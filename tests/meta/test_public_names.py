"""What is public is listed, documented, and typed."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import flask_octaspace
import octaspace
from octaspace import resources, telemetry
from octaspace.resources import services

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "module", [octaspace, octaspace.types, flask_octaspace, resources, services, telemetry]
)
def test_all_is_complete_and_sorted(module: ModuleType) -> None:
    names = list(module.__all__)
    assert names == sorted(names)
    for name in names:
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize("module", [octaspace, octaspace.types])
def test_lazy_names_are_listed_and_unknown_names_raise(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in module.__all__:
        assert name in dir(module)
    late = "types" if module is octaspace else "Node"
    before = getattr(module, late)
    monkeypatch.delattr(module, late)
    assert getattr(module, late) is before
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'no_such'"):
        module.no_such  # noqa: B018


@pytest.mark.parametrize("module", [octaspace, octaspace.types, flask_octaspace, telemetry])
def test_everything_public_has_a_docstring(module: ModuleType) -> None:
    missing = [
        name
        for name in module.__all__
        if not name.startswith("__")
        and callable(vars(module).get(name))
        and not inspect.getdoc(vars(module)[name])
    ]
    assert not missing


def public_methods() -> list[tuple[str, Any]]:
    kinds = [
        octaspace.Client,
        octaspace.Config,
        octaspace.Response,
        flask_octaspace.OctaSpace,
        telemetry.OpenTelemetryObserver,
    ]
    kinds += [getattr(resources, name) for name in resources.__all__]
    kinds += [getattr(services, name) for name in services.__all__]
    return [
        (f"{kind.__name__}.{name}", member)
        for kind in dict.fromkeys(kinds)
        for name, member in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(member)
    ]


@pytest.mark.parametrize(("name", "method"), public_methods(), ids=[name for name, _ in public_methods()])
def test_every_public_method_is_documented(name: str, method: Any) -> None:
    text = inspect.getdoc(method) or ""
    assert text, name
    arguments = [
        parameter.name
        for parameter in inspect.signature(method).parameters.values()
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    ]
    shared = "Arguments" in text or "; see `" in text or text.startswith("See ")
    assert shared or all(argument in text for argument in arguments), f"{name}: {arguments}"


def test_every_public_property_is_documented() -> None:
    kinds = [octaspace.Client, octaspace.Config, octaspace.Response]
    kinds += [getattr(octaspace.types, name) for name in octaspace.types.__all__]
    kinds += [getattr(octaspace.errors, name) for name in octaspace.errors.__all__ if name.endswith("Error")]
    missing = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, member in vars(kind).items()
        if isinstance(member, property) and not name.startswith("_") and not member.__doc__
    ]
    assert not missing


@pytest.mark.parametrize(
    "kind",
    [getattr(octaspace.types, name) for name in octaspace.types.__all__],
    ids=lambda kind: kind.__name__,
)
def test_every_field_of_a_type_is_described(kind: Any) -> None:
    described = re.findall(r"^    (\w+): \S", inspect.getdoc(kind) or "", re.MULTILINE)
    own = [field.name for field in dataclasses.fields(kind)]
    inherited = {
        field.name
        for base in kind.__bases__
        if dataclasses.is_dataclass(base)
        for field in dataclasses.fields(base)
    }
    assert described == [name for name in own if name not in inherited]


def test_every_resource_method_names_its_http_call() -> None:
    wrong = [
        name
        for name, method in public_methods()
        if "Response" in str(inspect.signature(method).return_annotation)
        and name.split(".")[0] not in ("Client", "Config", "Response")
        and "wait_until" not in name
        and not (inspect.getdoc(method) or "").startswith(("GET /", "POST /", "PATCH /"))
    ]
    assert not wrong


def test_which_distribution_is_loaded() -> None:
    assert octaspace.__distribution__ == "Flask-OctaSpace"
    assert octaspace.__version__ == metadata.version("Flask-OctaSpace")


def test_help_is_readable() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import octaspace; help(octaspace.Client)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    for words in ("with octaspace.Client(", "carried out at most once", "with_options", "transport_stats"):
        assert words in shown.stdout
