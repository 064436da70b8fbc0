"""`python -m benchmarks.instructions [table …]`: count the instructions of each library of `bin/bench`.

Valgrind counts them, so the result hardly depends on the load of the machine. Only instructions in user space
are counted, not those of the kernel, and only those of the client.

bin/bench instructions                         all tables, with the httpx-based octaspace ("peer")
python -m benchmarks.instructions "small call"    one table
python -m benchmarks.instructions --check      only ours, compared with the kept figures, as in CI
python -m benchmarks.instructions --keep       the same, and the kept figures are replaced
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import kept_figures
from .callgrind import between_marks, is_installed
from .contenders import CONTENDERS
from .observers import OBSERVERS
from .processes import Server
from .table import compared_with, table
from .workloads import WORKLOADS

__all__ = ["check", "main", "ratios_of_ours"]

#: By table: the call, how often it is made before the count, and how often during it. The first calls fill
#: caches and let Python specialize its bytecode.
_CALLS: dict[str, tuple[str, int, int]] = {
    "small call": ("balance", 20, 60),
    "create": ("create", 20, 60),
    "700 nodes": ("nodes", 1, 1),
}

_IMPORT, _OBSERVERS = "import", "observers"
_DESCRIBED = {
    **{name: WORKLOADS[name].__doc__ or "" for name in _CALLS},
    _IMPORT: "Import of the library in a new process",
    _OBSERVERS: "A small call with observers, compared with one without",
}

#: The module that users import. A raw socket needs none but those of the standard library.
_MODULES = {
    **{name: name for name in ("http.client", "urllib3", "requests", "httpx", "octaspace")},
    "peer": "octaspace",
}

_REFERENCE = "requests"
_OURS = ("octaspace", "octaspace without fast")


@dataclass(frozen=True)
class Counter:
    """Counts the instructions of libraries that talk to a server.

    Attributes:
        url: The server.
        peer: The Python with the peer installed.
    """

    url: str
    peer: str | None = None

    def count(self, contender: str, tables: Sequence[str], observer: str = "") -> dict[str, float]:
        """Instructions of one contender by table, in thousands: of one call, or of the import.

        Args:
            contender: One of `CONTENDERS`.
            tables: What to count; an import is left out where there is none to count.
            observer: One of `OBSERVERS`.
        """
        module = _MODULES.get(contender, "") if _IMPORT in tables else ""
        names = [name for name in tables if name in _CALLS]
        order = {
            "contender": contender,
            "options": {"url": self.url, "keep_alive": True, "threads": 1},
            "calls": [_CALLS[name] for name in names],
            "observer": observer,
        }
        python = self.peer if contender == "peer" and self.peer else sys.executable
        program = "from benchmarks.counted import main; main()"
        found = between_marks(["-c", program, module, json.dumps(order)], python=python)
        lengths = {_IMPORT: 1} if module else {}
        lengths |= {name: _CALLS[name][2] for name in names}
        return {
            name: count / length / 1000 for (name, length), count in zip(lengths.items(), found, strict=True)
        }


Count = Callable[[str, Sequence[str]], Mapping[str, float]]


def ratios_of_ours(count: Count) -> dict[str, float]:
    """What is kept in the repository: our figures as ratios to those of requests in the same run.

    Args:
        count: `Counter.count`.
    """
    tables = [*_CALLS, _IMPORT]
    reference = count(_REFERENCE, tables)
    return {
        f"{name}, {contender}": figure / reference[name]
        for contender in _OURS
        for name, figure in count(contender, tables).items()
    }


def check(count: Count, kept: Mapping[str, float], say: Callable[[str], None]) -> int:
    """Compare our figures with the kept ones; 1 if one is too high.

    Args:
        count: `Counter.count`.
        kept: The kept figures.
        say: Receives each line of the result.
    """
    compared = kept_figures.compare(ratios_of_ours(count), kept)
    for line in (*compared.above, *compared.below):
        say(line)
    if not compared.above:
        say(f"{len(kept)} figures are at most {kept_figures.TOLERANCE:.0%} above the kept ones")
    return 1 if compared.above else 0


def main(arguments: list[str] | None = None) -> int:
    """Print the given tables, or all of them; or compare with the kept figures."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.instructions", description="Count the instructions of one call of each library."
    )
    parser.add_argument("table", nargs="*", help=f"any of: {', '.join(_DESCRIBED)} (default: all)")
    parser.add_argument(
        "--peer", metavar="PYTHON", type=os.path.abspath, help="a Python with the httpx-based octaspace"
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="compare ours with the kept figures; 1 if above")
    group.add_argument("--keep", action="store_true", help="replace the kept figures by new ones")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.table if name not in _DESCRIBED]
    if unknown:
        parser.error(f"unknown table {unknown[0]!r}; choose from: {', '.join(_DESCRIBED)}")
    if not is_installed():
        parser.error("valgrind is not installed (Debian: apt-get install valgrind)")
    with Server() as server:
        counter = Counter(server.url, options.peer)
        if options.check:
            try:
                kept = kept_figures.kept_for(kept_figures.running_versions())
            except LookupError as error:
                _say(f"not compared: {error}")
                return 0
            return check(counter.count, kept, _say)
        if options.keep:
            kept_figures.keep(ratios_of_ours(counter.count), kept_figures.running_versions())
            return 0
        _print_tables(counter, options.table or list(_DESCRIBED))
    return 0


def _print_tables(counter: Counter, tables: Sequence[str]) -> None:
    plain = [name for name in tables if name != _OBSERVERS]
    figures: dict[str, dict[str, float]] = {}
    for contender in CONTENDERS:
        if plain and (contender != "peer" or counter.peer):
            figures[contender] = counter.count(contender, plain)
    for name in plain:
        values = {contender: found[name] for contender, found in figures.items() if name in found}
        _say(table(name, _DESCRIBED[name], compared_with(_REFERENCE, values, "thousand")))
    if _OBSERVERS in tables:
        values = {name: counter.count("octaspace", ["small call"], name)["small call"] for name in OBSERVERS}
        _say(table(_OBSERVERS, _DESCRIBED[_OBSERVERS], compared_with(next(iter(values)), values, "thousand")))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
