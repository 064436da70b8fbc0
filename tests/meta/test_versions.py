"""Versions in pyproject.toml match the pins, the tests and the imports."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: dict[str, Requirement] = {
    canonicalize_name(needed.name): needed for needed in map(Requirement, PROJECT["project"]["dependencies"])
}
PYTHONS = [
    kind.rpartition(" :: ")[2]
    for kind in PROJECT["project"]["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", kind)
]


def pins() -> dict[str, list[tuple[Version, str]]]:
    """Versions by name in constraints.txt, each with its condition."""
    found: dict[str, list[tuple[Version, str]]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, version, condition = re.fullmatch(r"(\S+)==(\S+)(?: ; (.*))?", line).groups()  # type: ignore[union-attr]
        found.setdefault(canonicalize_name(name), []).append((Version(version), condition or ""))
    return found


def test_the_known_good_versions_are_the_pinned_ones() -> None:
    known = {
        canonicalize_name(name): Version(version)
        for name, version in PROJECT["tool"]["octaspace"]["known-good"].items()
    }
    assert known == {name: max(version for version, _ in pins()[name]) for name in RUNTIME}


@pytest.mark.parametrize("name", RUNTIME)
def test_each_pin_is_allowed(name: str) -> None:
    assert all(version in RUNTIME[name].specifier for version, _ in pins()[name])


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_one_pin_of_each_dependency(python: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.5"}
    for name in RUNTIME:
        fitting = [
            version
            for version, condition in pins()[name]
            if not condition or Marker(condition).evaluate(here)
        ]
        assert len(fitting) == 1, name


#: The packages, those of the extras, PySocks (of `requests[socks]`, loaded for SOCKS proxies only), what is
#: imported by another name than it is installed by, and what Flask documents as its parts.
ALSO_IMPORTED = {
    "octaspace": {"octaspace", "msgspec", "opentelemetry", "redis", "socks", "typing_extensions"},
    "flask_octaspace": {"flask_octaspace", "octaspace", "blinker", "click", "werkzeug"},
}


@pytest.mark.parametrize("package", ALSO_IMPORTED)
def test_what_is_imported_is_declared(package: str) -> None:
    """A dependency of a dependency may disappear with its next release."""
    imported = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                imported.add(node.module.split(".")[0])
    assert imported & set(RUNTIME)
    assert imported - sys.stdlib_module_names - set(RUNTIME) <= ALSO_IMPORTED[package]


def test_the_workflow_runs_each_supported_version() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yaml").read_text())["jobs"]
    matrix = jobs["matrix"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    (setup,) = (step for step in jobs["whole"]["steps"] if "setup-python" in step.get("uses", ""))
    assert sorted(setup["with"]["python-version"].split()) == PYTHONS
    flasks = re.search(r"^FLASKS = \{\n(.*?)^\}", (ROOT / "noxfile.py").read_text(), re.MULTILINE | re.DOTALL)
    assert flasks is not None
    assert matrix["flask"] == re.findall(r'^    "(.+?)":', flasks[1], re.MULTILINE)


def test_the_extras_are_those_of_the_wheel_and_documented() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert set(extras) == {"fast", "otel", "redis", "testing"}
    for name in extras:
        assert f"Flask-OctaSpace[{name}]" in (ROOT / "README.md").read_text()
        assert f"Flask-OctaSpace[{name}]" in (ROOT / "docs" / "quickstart.md").read_text()


def test_the_plugin_is_an_entry_point() -> None:
    assert PROJECT["project"]["entry-points"] == {"pytest11": {"octaspace": "octaspace_pytest"}}
