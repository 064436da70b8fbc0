"""The workloads; each returns the rows of a table."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from .processes import ROOT, Server, Worker
from .table import Row, compared_with

__all__ = ["WORKLOADS", "Setting"]

_PLAIN = ("raw socket", "http.client", "urllib3", "requests", "httpx", "peer", "octaspace")


@dataclass(frozen=True)
class Setting:
    """The extent of a measurement.

    Attributes:
        rounds: Number of interleaved rounds, of which the median is used.
        scale: Calls per round, as a fraction of the full number.
        peer: The Python with the peer installed, or None to omit the peer.
    """

    rounds: int
    scale: float
    peer: str | None

    def calls(self, full: int) -> int:
        return max(4, int(full * self.scale))

    def contenders(self) -> list[str]:
        return [name for name in _PLAIN if name != "peer" or self.peer is not None]


def _compare(setting: Setting, url: str, *, call: str, calls: int, threads: int = 1, keep: bool = True,
             names: list[str] | None = None) -> list[Row]:  # fmt: skip
    """Microseconds per call of each library, in interleaved rounds."""
    names = names or setting.contenders()
    times: dict[str, list[float]] = {name: [] for name in names}
    with _workers(setting, names) as workers:
        for name, worker in workers.items():
            worker.order("open", contender=name, url=url, keep_alive=keep, threads=threads)
            worker.order("time", call=call, calls=max(4, calls // 5), threads=threads)
        for _ in range(setting.rounds):
            for name, worker in workers.items():
                answer = worker.order("time", call=call, calls=calls, threads=threads)
                times[name].append(answer["seconds"] * 1e6)
    medians = {name: median(values) for name, values in times.items()}
    return compared_with("requests", medians, "µs")


@contextmanager
def _workers(setting: Setting, names: list[str]) -> Iterator[dict[str, Worker]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Worker(setting.peer) if name == "peer" and setting.peer else Worker())
            for name in names
        }


def small_call(setting: Setting, url: str) -> list[Row]:
    """One small JSON answer per call, keep-alive."""
    return _compare(setting, url, call="balance", calls=setting.calls(2000))


def eight_threads(setting: Setting, url: str) -> list[Row]:
    """The same from 8 threads, 8 connections."""
    return _compare(setting, url, call="balance", calls=setting.calls(4000), threads=8)


def thirty_two_threads(setting: Setting, url: str) -> list[Row]:
    """The same from 32 threads, 32 connections."""
    return _compare(setting, url, call="balance", calls=setting.calls(4000), threads=32)


def many_nodes(setting: Setting, url: str) -> list[Row]:
    """700 nodes, 1.2 MB of JSON."""
    names = [*setting.contenders(), "octaspace without fast"]
    return _compare(setting, url, call="nodes", calls=setting.calls(40), names=names)


def create(setting: Setting, url: str) -> list[Row]:
    """A POST with a body."""
    return _compare(setting, url, call="create", calls=setting.calls(2000))


def connection_per_call(setting: Setting, url: str) -> list[Row]:
    """One connection for each call, without keep-alive."""
    return _compare(setting, url, call="balance", calls=setting.calls(800), keep=False)


def _ours(
    setting: Setting, cases: dict[str, dict[str, Any]], calls: int, *, call: str = "balance"
) -> list[Row]:
    """Compare cases of this SDK with each other; the first case is the reference."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker()) for name in cases}
        for name, worker in workers.items():
            worker.order("open", contender="octaspace", keep_alive=True, threads=5, **cases[name])
            worker.order("time", call=call, calls=calls)
        for _ in range(setting.rounds):
            for name, worker in workers.items():
                times[name].append(worker.order("time", call=call, calls=calls)["seconds"] * 1e6)
    medians = {name: median(values) for name, values in times.items()}
    return compared_with(next(iter(cases)), medians, "µs")


def two_endpoints_with_hooks(setting: Setting, url: str) -> list[Row]:
    """Two endpoints and both hooks, compared with one endpoint without hooks."""
    with Server() as second:
        cases: dict[str, dict[str, Any]] = {
            "one endpoint": {"url": url},
            "two endpoints, hooks": {"url": url, "base_urls": [url, second.url], "hooks": True},
        }
        return _ours(setting, cases, setting.calls(2000))


def many_offers(setting: Setting, url: str) -> list[Row]:
    """700 machines on offer, 1.2 MB of JSON, with the cache and without it."""
    rows = []
    for call in ("offers", "search"):
        cases: dict[str, dict[str, Any]] = {
            f"{call}, without cache": {"url": url},
            f"{call}, with cache": {"url": url, "cache_ttl": 3600},
        }
        rows += _ours(setting, cases, setting.calls(40), call=call)
    with Worker() as worker:
        worker.order(
            "open", contender="octaspace", url=url, keep_alive=True, threads=64, cache_ttl=3600,
        )  # fmt: skip
        worker.order("time", call="offers", calls=64, threads=64)
        stats = worker.order("stats")["stats"]
    rows.append(Row("requests of 64 threads that ask at once", stats["requests"], ""))
    return rows


def flatness(setting: Setting, url: str) -> list[Row]:
    """From 1 to 8 endpoints, and from a pool of 1 to one of 64."""
    with ExitStack() as stack:
        urls = [url, *(stack.enter_context(Server()).url for _ in range(7))]
        cases: dict[str, dict[str, Any]] = {
            f"endpoints {number}": {"url": url, "base_urls": urls[:number]} for number in (1, 2, 4, 8)
        }
        cases |= {f"pool_size {size}": {"url": url, "pool_size": size} for size in (1, 5, 64)}
        return _ours(setting, cases, setting.calls(1000))


def dead_endpoint(setting: Setting, url: str) -> list[Row]:
    """One of two endpoints refuses connections: the first calls, and the next twenty."""
    with socket.socket() as taken, Worker() as worker:
        taken.bind(("127.0.0.1", 0))  # bound but not listening, so it refuses connections
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        worker.order(
            "open", contender="octaspace", url=url, keep_alive=True, threads=5, base_urls=[url, dead]
        )
        seconds = worker.order("each", call="balance", calls=42)["seconds"]
        stats = worker.order("stats")["stats"]
    return [
        Row("first two calls (one meets the dead endpoint)", sum(seconds[:2]) * 1e6 / 2, "µs"),
        Row("the next twenty, median", median(seconds[2:22]) * 1e6, "µs"),
        Row("refused connects in 42 calls", stats["failovers"], ""),
    ]


def cold_start(setting: Setting, url: str) -> list[Row]:
    """A new process: import, and import with a first call."""
    ours = f"import octaspace; octaspace.Client('k', base_url={url!r}).accounts.balance()"
    codes = {
        "import requests": "import requests",
        "import octaspace": "import octaspace",
        "requests, first call": f"import requests; requests.get({url + '/accounts/balance'!r}).json()",
        "octaspace, first call": ours,
    }
    # An installed package is compiled. Ours is compiled by the first round, which is not counted.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(1 + max(2, setting.rounds * 4)):
        for name, code in codes.items():
            program = f"import time; a = time.perf_counter(); {code}; print(time.perf_counter() - a)"
            done = subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True, text=True, check=True, cwd=ROOT, env=environment,
            )  # fmt: skip
            times[name].append(float(done.stdout) * 1e3)
    medians = {name: median(values[1:]) for name, values in times.items()}
    rows = []
    for name, value in medians.items():
        measure = "import requests" if name.startswith("import") else "requests, first call"
        rows.append(Row(name, value, "ms", value / medians[measure], measure))
    return rows


def memory(setting: Setting, url: str) -> list[Row]:
    """Resident memory after 1,000 calls and after 10,000."""
    rows = []
    for name in ("requests", "octaspace"):
        with Worker() as worker:
            worker.order("open", contender=name, url=url, keep_alive=True, threads=1)
            worker.order("time", call="balance", calls=setting.calls(1000))
            early = worker.order("memory")["kib"]
            worker.order("time", call="balance", calls=setting.calls(9000))
            late = worker.order("memory")["kib"]
        rows.append(Row(f"{name}, after 10,000 calls", late / 1024, "MiB"))
        rows.append(Row(f"{name}, growth since 1,000", (late - early) / 1024, "MiB"))
    return rows


WORKLOADS: dict[str, Callable[[Setting, str], list[Row]]] = {
    "small call": small_call,
    "8 threads": eight_threads,
    "32 threads": thirty_two_threads,
    "700 nodes": many_nodes,
    "700 offers": many_offers,
    "create": create,
    "connection per call": connection_per_call,
    "two endpoints with hooks": two_endpoints_with_hooks,
    "dead endpoint": dead_endpoint,
    "flatness": flatness,
    "cold start": cold_start,
    "memory": memory,
}
