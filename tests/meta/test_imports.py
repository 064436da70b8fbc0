"""Arrows run one way: playground → flask_octaspace → octaspace; the sandbox is the other end of the wire."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WEB = ("flask", "werkzeug", "jinja2", "blinker", "click")

#: What each package must not import, by the first part of the name.
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "octaspace": (*WEB, "flask_octaspace", "playground", "tests"),
    "octaspace/resources": ("requests", "urllib3"),
    "octaspace/types": ("requests", "urllib3"),
    "flask_octaspace": ("playground", "tests", "requests", "urllib3"),
    "playground/sandbox": ("octaspace", "flask_octaspace", "requests", "urllib3", "flask", "werkzeug"),
    "playground": ("tests", "urllib3"),
}


def imports(path: Path) -> Iterator[str]:
    """Absolute names of what a file imports, relative imports resolved."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *((node.module or "").split(".") if node.module else ())))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_arrow_turns_back(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if name.split(".")[0] in FORBIDDEN[folder]
    ]
    assert not wrong


def test_the_playground_reaches_the_transport_through_nobody() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "playground").rglob("*.py"))
        for name in imports(path)
        if name.startswith(("octaspace.transport", "octaspace._"))
    ]
    assert not wrong


def test_resources_know_nothing_of_the_transport() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "octaspace" / "resources").rglob("*.py"))
        for name in imports(path)
        if name.startswith(("octaspace.transport", "octaspace._", "octaspace.config"))
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("package", "absent"),
    [("octaspace", WEB), ("playground.sandbox", ("octaspace", "flask_octaspace", "requests", "flask"))],
)
def test_importing_it_loads_nothing_of_the_others(package: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {package}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert not set(absent) & set(loaded.stdout.split())


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
    folders = ("octaspace", "flask_octaspace", "playground", "tests", "benchmarks", "bin")
    wrong = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.stem in empty_names]
    assert not wrong


def test_importing_the_sdk_loads_no_types() -> None:
    """They are a quarter of the import's time, and most programs need few of them."""
    code = (
        "import sys, octaspace; print(*sys.modules); octaspace.types.Node; "
        "print('octaspace.types.node' in sys.modules)"
    )
    lines = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.splitlines()
    assert "octaspace.types.node" not in lines[0].split()
    assert lines[1] == "True"
