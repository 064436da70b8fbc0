"""`bin/bench [workload …]`: measure and print the tables.

bin/bench                       everything, five interleaved rounds
bin/bench "small call" create   some workloads
bin/bench --quick               a short run that only checks that the benchmarks work
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import version

from .processes import Server, cores
from .table import table
from .workloads import WORKLOADS, Setting


def main(arguments: list[str] | None = None) -> int:
    """Run the given workloads, or all of them."""
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure the cost of a call in comparison with other libraries."
    )
    parser.add_argument("workload", nargs="*", help=f"one of: {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="interleaved rounds, to take the median of (default 5)"
    )
    parser.add_argument("--quick", action="store_true", help="few calls, only to check that it works")
    parser.add_argument(
        "--peer", metavar="PYTHON", type=os.path.abspath, help="a Python with the httpx-based octaspace"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.workload if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown workload {unknown[0]!r}; choose from: {', '.join(WORKLOADS)}")
    setting = Setting(2, 0.01, options.peer) if options.quick else Setting(options.rounds, 1.0, options.peer)
    _say(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}, "
         f"client on core {cores()[0]}, server on core {cores()[1]}, requests {version('requests')}, "
         f"urllib3 {version('urllib3')}, httpx {version('httpx')}, rounds {setting.rounds}")  # fmt: skip
    with Server() as server:
        for name in options.workload or WORKLOADS:
            workload = WORKLOADS[name]
            _say(table(name, workload.__doc__ or "", workload(setting, server.url)))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
