"""`python -m benchmarks.growth [table …]`: what a call or a copy costs as their number grows.

Instructions are counted by Valgrind: the difference of a run with few calls and one with many. Bytes are
counted by tracemalloc. The table of threads takes half an hour if the machine is busy.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from .callgrind import is_installed, whole_run
from .growth_cases import CASES
from .processes import Server, environment_of

__all__ = ["TABLES", "main"]


def _endpoints() -> None:
    """Instructions per call, from 1 to 8 endpoints."""
    with ExitStack() as stack:
        urls = [stack.enter_context(Server()).url for _ in range(8)]
        first = None
        for number in (1, 2, 4, 8):
            count = _per_unit("calls", 160, 960, *urls[:number])
            first = first or count
            _row(f"{number} endpoint{'s' * (number > 1)}", f"{count:,.0f}", f"{count / first:.3f}")


def _copies() -> None:
    """Instructions and bytes per copy, and instructions per call of a copy."""
    for name in ("copies", "chain", "chain with keys"):
        _row(f"{name}: instructions each", f"{_per_unit(name, 300, 800):,.0f}")
        for number in (1_000, 10_000):
            _row(f"{name}: bytes each of {number:,}", f"{int(_run(name, number, '--bytes')) / number:,.0f}")
    with Server() as server:
        for name in ("calls", "calls of a copy"):
            _row(f"{name}: instructions each", f"{_per_unit(name, 100, 600, server.url):,.0f}")


def _threads() -> None:
    """Instructions per call of several threads, and how often a thread waits for a connection."""
    with Server() as server:
        first = None
        for threads, size in ((1, 64), (8, 64), (64, 64), (64, 8)):
            count = _per_unit("threads", 640, 1_920, str(threads), str(size), server.url)
            first = first or count
            found = _run("waits", 12_800, str(threads), str(size), server.url).strip()
            _row(f"{threads} threads, pool of {size}", f"{count:,.0f}", f"{count / first:.2f}", found)


def _black_hole() -> None:
    """Calls of 24 threads that wait for an endpoint that drops packets, in each cooldown."""
    with Server() as server, socket.socket() as silent, ExitStack() as stack:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):  # its queue takes one; the system drops what comes after
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for first, title in ((1, "after a first call"), (0, "that begin together")):
            _row(f"24 threads {title}", _run("black hole", first, server.url, url).strip())


TABLES: Final[dict[str, Callable[[], None]]] = {
    "endpoints": _endpoints, "copies": _copies, "threads": _threads, "black hole": _black_hole,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Print the given tables, or all of them."""
    parser = argparse.ArgumentParser(prog="benchmarks.growth", description=__doc__)
    parser.add_argument("table", nargs="*", help=f"any of: {', '.join(TABLES)} (default: all)")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--bytes", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run:
        case, number, *rest = options.run
        CASES[case](int(number), *rest, **({"count_bytes": True} if options.bytes else {}))
        return 0
    unknown = [name for name in options.table if name not in TABLES]
    if unknown:
        parser.error(f"unknown table {unknown[0]!r}; choose from: {', '.join(TABLES)}")
    if not is_installed():
        parser.error("valgrind is not installed (Debian: apt-get install valgrind)")
    for name in options.table or TABLES:
        sys.stdout.write(f"\n### {name}: {TABLES[name].__doc__}\n\n")
        TABLES[name]()
    return 0


def _row(name: str, *cells: str) -> None:
    sys.stdout.write(f"| {' | '.join((name, *cells))} |\n")
    sys.stdout.flush()


def _run(case: str, number: int, *arguments: str) -> str:
    """What a process that runs the case writes."""
    command = [sys.executable, *_run_arguments(case, number, *arguments)]
    environment = environment_of(sys.executable)
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def _run_arguments(case: str, number: int, *arguments: str) -> tuple[str, ...]:
    return "-m", "benchmarks.growth", "--run", case, str(number), *arguments


def _per_unit(case: str, few: int, many: int, *arguments: str) -> float:
    """Instructions for each call or copy of a case."""
    counts = [whole_run(_run_arguments(case, number, *arguments)) for number in (few, many)]
    return (counts[1] - counts[0]) / (many - few)


if __name__ == "__main__":
    sys.exit(main())
