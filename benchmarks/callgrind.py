"""Counts the instructions of a process with Valgrind's callgrind.

The process marks points of its run: the counter is written out and starts again at 0 there. So one process
has several counts, without those of its start.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from .processes import environment_of

__all__ = ["between_marks", "is_installed", "whole_run"]

#: The function of the C library that `benchmarks.counted.mark` calls.
_MARK = "getpriority"

_CALLGRIND = ("valgrind", "--tool=callgrind")

#: Of the variables of the caller, what Python and Valgrind need to start.
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "VALGRIND_LIB")

#: requests looks at every variable of the environment in each call, about 25 thousand instructions for each.
#: So their number is the same on each machine, and about that of a login shell.
_VARIABLES = 30


def is_installed() -> bool:
    """Whether Valgrind is there."""
    return shutil.which("valgrind") is not None


def between_marks(arguments: Sequence[str], *, python: str = sys.executable) -> list[int]:
    """Instructions in user space from each odd mark of a process to the next even one.

    The process runs twice: first without Valgrind, so that all modules are compiled.

    Args:
        arguments: Arguments of Python.
        python: The Python to run.

    Raises:
        RuntimeError: The process failed; with the end of its error output.
    """
    _run((python, *arguments), python=python)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind"
        _run(
            (*_CALLGRIND, f"--dump-before={_MARK}", f"--callgrind-out-file={output}", python, *arguments),
            python=python,
        )
        # A file for each mark, numbered from 1, with the instructions before it.
        files = sorted(output.parent.glob("*.*"), key=lambda file: int(file.suffix[1:]))
        return [_total(file) for file in islice(files, 1, None, 2)]


def whole_run(arguments: Sequence[str]) -> int:
    """Instructions in user space of a whole process of this Python.

    The difference of two runs is the count of what only the longer one does. Before each, the process runs
    without Valgrind, so that all modules are compiled.

    Args:
        arguments: Arguments of Python.

    Raises:
        RuntimeError: As `between_marks`.
    """
    _run((sys.executable, *arguments))
    ended = _run((*_CALLGRIND, "--callgrind-out-file=/dev/null", sys.executable, *arguments))
    found = re.search(r"Collected : (\d+)", ended)
    assert found is not None, ended
    return int(found[1])


def _run(command: Sequence[str], *, python: str = sys.executable) -> str:
    """Run a command in the fixed environment and return its error output."""
    ended = subprocess.run(
        command, env=_fixed(environment_of(python)), capture_output=True, text=True, cwd="/"
    )
    if ended.returncode:
        raise RuntimeError(f"exit code {ended.returncode} of {python}: {ended.stderr[-2000:]}")
    return ended.stderr


def _fixed(environment: dict[str, str]) -> dict[str, str]:
    fixed = {name: environment[name] for name in (*_KEPT, "PYTHONPATH") if name in environment}
    # With another seed, dicts and sets of strings have other collisions.
    fixed["PYTHONHASHSEED"] = "0"
    return fixed | {f"VARIABLE_{number}": "value" for number in range(len(fixed), _VARIABLES)}


def _total(file: Path) -> int:
    found = re.search(r"^totals: (\d+)$", file.read_text(), re.MULTILINE)
    assert found is not None, file
    return int(found[1])
