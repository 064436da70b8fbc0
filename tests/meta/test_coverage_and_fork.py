"""`tests.support.coverage_and_fork`: forked children are not traced, and the report stays the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ..support.running_playground import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

_GUARD = (
    "from tests.support.coverage_and_fork import measure_no_forked_children\nmeasure_no_forked_children()\n"
)

#: Forks in the innermost of three nested calls: after each of them, a line and a branch are to be counted.
_NESTED = """
import os

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return 1

def inner():
    number = fork()
    if number:
        return number + 1
    return 0

def outer():
    number = inner()
    if number > 2:
        number = 0
    return number

for _ in range(5):
    outer()
"""

_TELLS_TRACERS = """
import os, sys, threading

before = sys.gettrace()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, repr((sys.gettrace(), threading.gettrace())).encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reading, 1000).decode())
print(before is not None, sys.gettrace() is before)
"""


def measured(folder: Path, program: str) -> tuple[str, dict[str, Any]]:
    """Run a program with branch coverage: what it prints, and the lines and branches of its file."""
    folder.mkdir()
    path = folder / "program.py"
    path.write_text(textwrap.dedent(program))
    command = [sys.executable, "-m", "coverage"]
    shared: dict[str, Any] = {
        "cwd": folder,
        "check": True,
        "capture_output": True,
        "text": True,
        "timeout": 60,
    }
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COVERAGE_CORE": "ctrace"}
    printed = subprocess.run(
        [*command, "run", "--branch", "--source=.", path.name], env=environment, **shared
    )
    subprocess.run([*command, "json", "-q"], env=environment, **shared)
    found = json.loads((folder / "coverage.json").read_text())["files"][path.name]
    return printed.stdout, {name: found[name] for name in ("missing_lines", "missing_branches")}


def test_forked_children_are_not_traced_and_their_parent_is(tmp_path: Path) -> None:
    printed, _ = measured(tmp_path / "guarded", _GUARD + _TELLS_TRACERS)
    assert printed.splitlines() == ["(None, None)", "True True"]


def test_the_report_is_the_same_as_without_the_hooks(tmp_path: Path) -> None:
    # As many lines in front, so that the numbers can be compared.
    _, with_hooks = measured(tmp_path / "guarded", _GUARD + _NESTED)
    _, without = measured(tmp_path / "plain", "pass\n" * _GUARD.count("\n") + _NESTED)
    assert with_hooks == without
    assert without["missing_lines"], "the lines of the child, and the branches that were not taken"
