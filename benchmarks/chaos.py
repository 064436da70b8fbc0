"""Counts changes that happen twice, reads that fail, and leaks, under every kind of fault.

    .venv/bin/python benchmarks/chaos.py [--calls 10000] [--threads 16] [--children 200] [--seed 7]

Three scenarios, each with and without keep-alive, plain and over TLS, against two endpoints:

changes   creates and stops, while each request meets a random behaviour, chosen from all faults. The requests
          that the servers have read are compared with the calls, one by one.
reads     reads while one of the two endpoints is killed and restarted every second.
forks     child processes of a used client, without and with running calls in other threads.

The exit code is 1 if a change happened twice, a call failed that must not, anything leaked, or an answer or
connection was crossed.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import trustme

import octaspace
from benchmarks.chaos_servers import Certificates, Servers
from octaspace import Client, Config, Request
from tests.support.waiting import until

COLUMNS = (
    "calls",
    "answers",
    "errors",
    "foreign",
    "twice",
    "untrue",
    "crossed",
    "fds",
    "sockets",
    "KiB",
    "s",
)


@dataclass
class Row:
    """The result of one scenario.

    Attributes:
        name: Name of the scenario.
        figures: By the names of `COLUMNS`: calls; calls that ended in an answer, in an error of octaspace, in
            another exception; changes that were carried out twice; errors that report a change as unsent
            although a server has read it, or answers to a change that no server has read; answers to another
            request, and sockets shared with a parent; additional descriptors, sockets and memory; seconds.
        must_not: The columns that must be 0.
    """

    name: str
    figures: dict[str, int | float]
    must_not: tuple[str, ...] = ("foreign", "twice", "untrue", "crossed", "fds", "sockets")

    @property
    def bad(self) -> list[str]:
        # Fewer descriptors than before: what ran earlier in this process has closed some.
        return [column for column in self.must_not if self.figures.get(column, 0) > 0]


class Ends:
    """The results of calls. Allocates its memory at the start, so that it does not count as growth."""

    def __init__(self, calls: int) -> None:
        self.counts: Counter[str] = Counter()
        self.answered, self.unsent = bytearray(calls), bytearray(calls)
        self.foreign: list[str] = []
        self.lock = threading.Lock()

    def note(self, number: int, call: Callable[[int], object]) -> None:
        kind = "errors"
        unsent = False
        try:
            call(number)
            kind = "answers"
        except octaspace.NetworkError as error:
            unsent = not error.outcome_unknown
        except octaspace.Error:
            pass
        except BaseException as error:
            kind = "crossed" if isinstance(error, CrossedError) else "foreign"
            self.foreign.append(repr(error))
        with self.lock:
            self.counts[kind] += 1
            self.answered[number] = kind == "answers"
            self.unsent[number] = unsent


class CrossedError(Exception):
    """The answer belongs to another request."""


def run_calls(calls: int, threads: int, call: Callable[[int], object]) -> Ends:
    """Make the calls; each thread takes the next call when its last one has ended."""
    ends, waiting, lock = Ends(calls), iter(range(calls)), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            ends.note(number, call)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return ends


def client_of(servers: Servers, keep_alive: bool, bundle: Path | None, **options: Any) -> Client:
    defaults: dict[str, Any] = {
        "pool_size": 16, "open_timeout": 2, "retry_interval": 0.001, "failure_cooldown": 0.05,
    }  # fmt: skip
    return Client.from_config(
        Config(
            api_key="sk-chaos", base_urls=servers.urls, keep_alive=keep_alive,
            ssl_verify=str(bundle) if bundle else True, **{**defaults, **options},
        )
    )  # fmt: skip


def descriptors() -> int:
    gc.collect()  # of what ran before
    return len(os.listdir("/proc/self/fd"))


def resident_kib() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


_runs = itertools.count()


def changes(servers: Servers, calls: int, threads: int, keep_alive: bool, bundle: Path | None) -> Row:
    """Creates and stops, with every kind of fault."""
    servers.ask("badly")
    before = descriptors()
    client = client_of(servers, keep_alive, bundle, read_timeout=0.1, max_response_bytes=100_000)
    run = f"run{next(_runs)}"

    def change(number: int, run: str = run) -> None:
        if number % 2:
            client.services.session(f"{run}-{number}").stop(score=5)
        else:
            client.services.mr.create(node_id=9101, disk_size=1, image=f"{run}-{number}")

    run_calls(calls // 5, threads, lambda number: change(number, f"warm{run}"))
    memory = resident_kib()
    began = time.monotonic()
    ends = run_calls(calls, threads, change)
    seconds = time.monotonic() - began
    memory = resident_kib() - memory
    client.close()
    sockets = sockets_left(servers)
    read: Counter[str] = Counter()
    for method, path, body in servers.ask("journal"):
        if method == "POST":
            marker = path.split("/")[2] if path.endswith("/stop") else json.loads(body)[0]["image"]
            read[marker] += 1
    for message in ends.foreign[:5]:
        print(message, file=sys.stderr)
    return Row(
        f"changes, every fault, {label(keep_alive, bundle)}",
        {
            "calls": calls,
            **ends.counts,
            "twice": sum(count > 1 for count in read.values()),
            "untrue": sum(
                (ends.unsent[number] and read[f"{run}-{number}"] > 0)
                or (ends.answered[number] and read[f"{run}-{number}"] != 1)
                for number in range(calls)
            ),
            "fds": descriptors() - before,
            "sockets": sockets,
            "KiB": memory,
            "s": seconds,
        },
    )


def reads(
    servers: Servers, calls: int, threads: int, keep_alive: bool, bundle: Path | None, pause: float = 0.012
) -> Row:
    """Reads while one endpoint is killed and restarted every second."""
    servers.ask("well")
    before = descriptors()
    client = client_of(servers, keep_alive, bundle, read_timeout=20)
    rest = threading.Event()

    def read(number: int) -> None:
        rest.wait(pause)  # so that the endpoint is killed several times during the run
        path = f"/nodes/{number}"
        if client.send(Request("GET", path)).data["path"] != path:
            raise CrossedError(path)

    run_calls(calls // 5, threads, read)
    memory = resident_kib()
    servers.ask("kill")
    began = time.monotonic()
    ends = run_calls(calls, threads, read)
    seconds = time.monotonic() - began
    servers.ask("spare")
    memory = resident_kib() - memory
    failovers = client.transport_stats()["failovers"]
    client.close()
    sockets = sockets_left(servers)
    return Row(
        f"reads, one of two killed ({failovers} failovers), {label(keep_alive, bundle)}",
        {
            "calls": calls, **ends.counts, "fds": descriptors() - before, "sockets": sockets,
            "KiB": memory, "s": seconds,
        },
        must_not=("errors", "foreign", "crossed", "fds", "sockets"),
    )  # fmt: skip


def forks(servers: Servers, children: int, in_flight: bool, keep_alive: bool, bundle: Path | None) -> Row:
    """Child processes of a used client; each makes three calls and reports their connections."""
    servers.ask("well")
    client = client_of(servers, keep_alive, bundle, read_timeout=20)
    before = descriptors()
    mine: set[tuple[str, int]] = set()
    stop = threading.Event()

    def ask(path: str) -> tuple[str, int]:
        response = client.send(Request("GET", path))
        if response.data["path"] != path:
            raise CrossedError(path)
        return response.url.rpartition("/")[0].removesuffix(path), response.data["connection"]

    def busy(number: int) -> None:
        for count in itertools.count():
            if stop.is_set():
                return
            mine.add(ask(f"/thread-{number}-{count}"))

    began = time.monotonic()
    mine.update(ask("/parent") for _ in range(2))
    threads = [threading.Thread(target=busy, args=(number,)) for number in range(4 if in_flight else 0)]
    for thread in threads:
        thread.start()
    figures: Counter[str] = Counter()
    theirs: set[tuple[str, int]] = set()
    for child in range(children):
        kind, seen = in_child(lambda child=child: [ask(f"/child-{child}-{n}") for n in range(3)])
        figures[kind] += 1
        figures["crossed"] += len(theirs & seen)  # a connection of another child
        theirs |= seen
    stop.set()
    for thread in threads:
        thread.join()
    mine.update(ask("/parent") for _ in range(2))
    figures["crossed"] += len(mine & theirs)
    client.close()
    sockets = sockets_left(servers)
    return Row(
        f"forks{', calls in flight' if in_flight else ''}, {label(keep_alive, bundle)}",
        {
            "calls": children, **figures, "fds": descriptors() - before, "sockets": sockets,
            "s": time.monotonic() - began,
        },
        must_not=("errors", "foreign", "crossed", "fds", "sockets"),
    )  # fmt: skip


def in_child(work: Callable[[], list[tuple[str, int]]]) -> tuple[str, set[tuple[str, int]]]:
    """Run in a forked child; a deadlock ends after 30 seconds and counts as an error."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        kind, seen = "answers", []
        try:
            seen = work()
        except octaspace.Error:
            kind = "errors"
        except CrossedError:
            kind = "crossed"
        except BaseException:
            kind = "foreign"
        os.write(writing, json.dumps([kind, seen]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    kind, seen = json.loads(said) if said else ("errors", [])
    return kind, {(url, number) for url, number in seen}


def sockets_left(servers: Servers) -> int:
    """Connections that are still open at the servers, after up to 10 seconds to detect closed ones."""
    gc.collect()
    try:
        until(lambda: servers.ask("open") == 0, within=10)
    except AssertionError:
        return int(servers.ask("open"))
    return 0


def label(keep_alive: bool, bundle: Path | None) -> str:
    return f"{'TLS' if bundle else 'plain'}, {'keep-alive' if keep_alive else 'standard'}"


def certificates_in(folder: Path) -> Certificates:
    ours, theirs = trustme.CA(), trustme.CA()
    made = Certificates(folder / "ca.pem", folder / "good.pem", folder / "bad.pem")
    ours.cert_pem.write_to_path(str(made.bundle))
    ours.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(made.good))
    theirs.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(made.bad))
    return made


def table(rows: list[Row]) -> str:
    cells = [["scenario", *COLUMNS]]
    for row in rows:
        line = [row.name]
        for column in COLUMNS:
            value = row.figures.get(column, 0)
            sign = column in ("fds", "KiB")
            line.append(f"{value:.1f}" if column == "s" else f"{value:+d}" if sign else str(value))
        cells.append(line)
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--children", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # fork with threads is intended
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        certificates = certificates_in(Path(folder))
        for tls in (None, certificates):
            servers = Servers(tls, seed=options.seed)
            trust = tls.bundle if tls else None
            try:
                for keep_alive in (True, False):
                    rows += [
                        changes(servers, options.calls, options.threads, keep_alive, trust),
                        reads(servers, options.calls, options.threads, keep_alive, trust),
                        forks(servers, options.children, False, keep_alive, trust),
                        forks(servers, options.children, True, keep_alive, trust),
                    ]
            finally:
                servers.close()
    print(table(rows))
    for row in rows:
        if row.bad:
            print(f"FAILED: {row.name}: {', '.join(row.bad)}")
    return 1 if any(row.bad for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
