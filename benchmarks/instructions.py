"""`python -m benchmarks.instructions [case …]`: count the instructions of one call, also with observers.

Valgrind counts them, so the result hardly depends on the load of the machine. Each case runs twice, with few
calls and with many; the difference is the cost of the calls alone. A case takes about two minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import octaspace

from .processes import ROOT, Server

__all__ = ["CASES", "main"]

_FEW, _MANY = 100, 600


def _without_observers() -> dict[str, Any]:
    return {}


def _idle_observer() -> dict[str, Any]:
    return {"observers": [type("Idle", (octaspace.Observer,), {})()]}


def _opentelemetry_api() -> dict[str, Any]:
    from octaspace.telemetry import OpenTelemetryObserver

    return {"observers": [OpenTelemetryObserver()]}


def _opentelemetry_sdk() -> dict[str, Any]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    from octaspace.telemetry import OpenTelemetryObserver

    meters = MeterProvider([InMemoryMetricReader()])
    return {"observers": [OpenTelemetryObserver(tracer_provider=TracerProvider(), meter_provider=meters)]}


#: By name: creates the options of the client.
CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "without observers": _without_observers,
    "an observer that does nothing": _idle_observer,
    "OpenTelemetry, API only": _opentelemetry_api,
    "OpenTelemetry, with SDK": _opentelemetry_sdk,
}


def main(arguments: list[str] | None = None) -> int:
    """Count the given cases, or all of them."""
    parser = argparse.ArgumentParser(prog="benchmarks.instructions", description=__doc__)
    parser.add_argument("case", nargs="*", help=f"any of: {', '.join(CASES)} (default: all)")
    parser.add_argument("--run", nargs=2, metavar=("URL", "CALLS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.case if name not in CASES]
    if unknown:
        parser.error(f"unknown case {unknown[0]!r}; choose from: {', '.join(CASES)}")
    if options.run is not None:
        _run(options.case[0], options.run[0], int(options.run[1]))
        return 0
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (Debian: apt-get install valgrind)")
    sys.stdout.write("| | instructions per call | ratio |\n|---|---:|---:|\n")
    first: float | None = None
    with Server() as server:
        for name in options.case or CASES:
            counts = [_count(name, server.url, calls) for calls in (_FEW, _MANY)]
            per_call = (counts[1] - counts[0]) / (_MANY - _FEW)
            first = first or per_call
            sys.stdout.write(f"| {name} | {per_call:,.0f} | {per_call / first:.2f} |\n")
            sys.stdout.flush()
    return 0


def _run(case: str, url: str, calls: int) -> None:
    options = CASES[case]()
    with octaspace.Client("k" * 64, base_url=url, keep_alive=True, **options) as client:
        for _ in range(calls):
            client.accounts.balance()


def _count(case: str, url: str, calls: int) -> int:
    """The instructions of a process that makes that many calls."""
    command = [
        "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m",
        "benchmarks.instructions", case, "--run", url, str(calls),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", ended.stderr)
    assert found is not None, ended.stderr
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
