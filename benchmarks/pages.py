"""`python -m benchmarks.pages`: the time that the playground itself spends on each page.

It is the total time minus the time during which at least one call of the SDK was running. The sandbox runs in
a separate process, the app in this one. The number of Python functions that the thread of the page calls does
not depend on the load of the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE, Popen
from types import FrameType
from typing import Any

from flask.testing import FlaskClient

from octaspace import Client
from playground import create_app
from playground.sdk.call import SdkCall
from playground.settings import ProcessSettings

PAGES = (
    "dashboard", "network", "account", "apps", "nodes", "nodes/9001", "sessions", "sessions?tab=recent",
    "services", "services?tab=vpn", "idle-jobs?node=9001&job=41", "diagnostics", "diagnostics/runner",
    "diagnostics/smoke", "diagnostics/lab", "requests", "settings",
)  # fmt: skip

_ORIGIN = "http://127.0.0.1:3000"

#: Maximum CPU time of a page outside of calls, in seconds.
BUDGET = 0.050


@dataclass(frozen=True)
class Cost:
    """The cost of one answer.

    Attributes:
        total: Total time in seconds.
        calling: Seconds during which a call was running.
        work: CPU seconds outside of calls, which do not depend on the load of the machine.
        calls: Number of calls.
        size: Size of the answer in bytes.
        functions: Number of Python functions that the thread of the page called; 0 where it was not counted.
    """

    total: float
    calling: float
    work: float
    calls: int
    size: int
    functions: int = 0

    @property
    def own(self) -> float:
        return self.total - self.calling


class Calls:
    """The times at which calls of the SDK were running, measured around the call of a panel."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []
        self.work = 0.0
        run = SdkCall.run

        def timed(line: SdkCall, client: Client) -> Any:
            began, work = time.perf_counter(), time.thread_time()
            try:
                return run(line, client)
            finally:
                self.spans.append((began, time.perf_counter()))
                self.work += time.thread_time() - work

        SdkCall.run = timed  # type: ignore[method-assign]

    def seconds(self) -> float:
        """Total time during which at least one call was running."""
        total, end = 0.0, 0.0
        for began, ended in sorted(self.spans):
            total += max(0.0, ended - max(began, end))
            end = max(end, ended)
        return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every page and print a table. The exit code is 1 if a page exceeds the limit of CPU time."""
    parser = argparse.ArgumentParser(prog="benchmarks.pages", description=__doc__)
    parser.add_argument("page", nargs="*", help=f"one of: {', '.join(PAGES)} (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=15, help="requests per page, to take the median of (15)"
    )
    parser.add_argument("--dataset", action="append", help="data sets (default: default and large)")
    parser.add_argument("--redis", metavar="URL", help="store the state in this Redis instead of a file")
    options = parser.parse_args(arguments)
    worst = 0.0
    for dataset in options.dataset or ("default", "large"):
        _say(f"\n### data set {dataset}\n")
        _say("| page | own time, ms | CPU time, ms | total, ms | functions called | API calls | kB |")
        _say("|---|---:|---:|---:|---:|---:|---:|")
        with _sandbox(dataset) as urls, tempfile.TemporaryDirectory() as folder:
            for page, cost in measure(urls, folder, options):
                worst = max(worst, cost.work)
                _say(
                    f"| {page} | {cost.own * 1e3:.1f} | {cost.work * 1e3:.1f} | {cost.total * 1e3:.1f} | "
                    f"{cost.functions} | {cost.calls} | {cost.size / 1e3:.0f} |"
                )
    _say(f"\nThe maximum CPU time is {worst * 1e3:.1f} ms; the limit is {BUDGET * 1e3:g} ms.")
    return 0 if worst <= BUDGET else 1


def measure(urls: str, folder: str, options: argparse.Namespace) -> Iterator[tuple[str, Cost]]:
    """The median for each page, after one answer that fills caches. One browser makes all requests."""
    environment = {"PLAYGROUND_SANDBOX_URLS": urls, "PLAYGROUND_REDIS_URL": options.redis or ""}
    app = create_app({"PROCESS": ProcessSettings.read(environment, Path(folder))})
    client, calls = app.test_client(), Calls()
    try:
        for page in options.page or PAGES:
            _ask(client, calls, page)
            costs = sorted((_ask(client, calls, page) for _ in range(options.rounds)), key=lambda c: c.own)
            yield page, replace(costs[len(costs) // 2], functions=_count_functions(client, page))
    finally:
        app.extensions["playground"].close()


def _ask(client: FlaskClient, calls: Calls, page: str) -> Cost:
    calls.spans.clear()
    calls.work = 0.0
    began, work = time.perf_counter(), time.process_time()
    answer = client.get(f"/playground/{page}", base_url=_ORIGIN, buffered=True)
    total, work = time.perf_counter() - began, time.process_time() - work - calls.work
    if answer.status_code != 200:
        raise SystemExit(f"/playground/{page} answered {answer.status_code}")
    return Cost(total, calls.seconds(), work, len(calls.spans), len(answer.data))


def _count_functions(client: FlaskClient, page: str) -> int:
    functions = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal functions
        functions += event == "call"

    sys.setprofile(count)
    try:
        client.get(f"/playground/{page}", base_url=_ORIGIN, buffered=True)
    finally:
        sys.setprofile(None)
    return functions


@contextmanager
def _sandbox(dataset: str) -> Iterator[str]:
    command = [sys.executable, "-m", "octaspace.sandbox", "--port", "0", "--port", "0", "--dataset", dataset]
    with Popen([*command, "--control-port", "0"], stdout=PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        lines = [sandbox.stdout.readline() for _ in range(3)]
        try:
            yield ",".join(line.split()[2] for line in lines[:2])
        finally:
            sandbox.terminate()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
