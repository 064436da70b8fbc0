"""Does a change ever happen twice, does a read ever fail, does anything leak? Counts, under every fault.

    .venv/bin/python benchmarks/chaos.py [--calls 10000] [--threads 16] [--seed 7]

The servers run in a process of their own, so that the figures of this one are the client's alone. The
journal of what they read is compared with the calls that were made.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import ssl
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import trustme

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import octaspace
from octaspace import Client, Config, Request
from tests.support import fault_server as faults
from tests.support.fault_server import Behaviour, FaultServer
from tests.support.waiting import until

#: How often each treatment is drawn; half of all requests are treated well.
MIX: list[tuple[Behaviour, int]] = [
    (faults.echo, 120),
    (faults.close_unread, 10),
    (faults.reset_unread, 10),
    (faults.close_after_reading, 10),
    (faults.reset_after_reading, 10),
    (faults.stall, 5),
    (faults.stall_in_body, 5),
    (faults.truncate, 10),
    (faults.drip(faults.http(), 0.01), 2),
    (faults.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"), 5),
    (faults.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), 5),
    (faults.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 5),
    (faults.raw(b"nonsense\r\n\r\n"), 5),
    (faults.answer(body=b"{", status=200), 5),
    (faults.answer(body=b"<html>", status=502, headers={"Content-Type": "text/html"}), 5),
    *[
        (faults.answer({"error": "no"}, status=status), 4)
        for status in (401, 404, 408, 422, 429, 500, 503, 504)
    ],
]


class Servers:
    """Two endpoints in a child process, driven over a pipe."""

    def __init__(self, tls: Path | None = None) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, tls), daemon=True
        )
        self._process.start()
        self.urls: list[str] = self._pipe.recv()

    def ask(self, question: str) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()

    def close(self) -> None:
        self.ask("stop")
        self._process.join(30)


def serve(pipe: multiprocessing.connection.Connection, tls: Path | None) -> None:
    """The child process: obeys one word at a time."""
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
    chance = random.Random(7)
    behaviours, weights = zip(*MIX, strict=True)
    killing = threading.Event()

    def treat(exchange: faults.Exchange) -> bool:
        return chance.choices(behaviours, weights)[0](exchange)

    servers = [FaultServer(after=treat, tls=context) for _ in range(2)]
    pipe.send([server.url for server in servers])

    def kill_and_restart() -> None:
        while not killing.wait(0.5):
            servers[0].refuse()
            killing.wait(0.5)
            servers[0].listen()

    killer: threading.Thread | None = None
    while True:
        word = pipe.recv()
        reply: Any = None
        if word == "faults on":
            for server in servers:
                server.after = treat
        elif word == "faults off":
            for server in servers:
                server.after = faults.echo
        elif word == "kill":
            killing.clear()
            killer = threading.Thread(target=kill_and_restart)
            killer.start()
        elif word == "spare":
            killing.set()
            assert killer is not None
            killer.join()
        elif word == "journal":
            reply = [(a.method, a.path, a.body.decode()) for server in servers for a in server.journal]
        elif word == "open":
            reply = sum(server.open_count for server in servers)
        pipe.send(reply)
        if word == "stop":
            for server in servers:
                server.close()
            return


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def run_calls(calls: int, threads: int, call: Callable[[int], Any]) -> tuple[Counter[str], float]:
    """Make the calls and count how each ended: `answer`, an error of ours, or a foreign exception."""

    def one(number: int) -> str:
        try:
            call(number)
        except octaspace.Error as error:
            return type(error).__name__
        except BaseException as error:
            return f"FOREIGN {type(error).__name__}"
        return "answer"

    began = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        ends = Counter(pool.map(one, range(calls)))
    return ends, time.monotonic() - began


def foreign(ends: Counter[str]) -> int:
    return sum(count for end, count in ends.items() if end.startswith("FOREIGN"))


def client_of(servers: Servers, keep_alive: bool, bundle: Path | None, **options: Any) -> Client:
    return Client.from_config(
        Config(
            api_key="sk-chaos", base_urls=servers.urls, keep_alive=keep_alive, pool_size=16,
            read_timeout=0.1, write_timeout=1, open_timeout=5, retry_interval=0.001, failure_cooldown=0.05,
            ssl_verify=str(bundle) if bundle else True, **options,
        )
    )  # fmt: skip


def settle(servers: Servers) -> None:
    gc.collect()
    until(lambda: servers.ask("open") == 0)


def chaos(servers: Servers, calls: int, threads: int, keep_alive: bool, bundle: Path | None) -> list[str]:
    servers.ask("faults on")
    client = client_of(servers, keep_alive, bundle)

    def change(number: int) -> None:
        marker = f"{keep_alive}-{number}"
        if number % 2:
            client.services.session(marker).stop(score=5)
        else:
            client.services.mr.create(node_id=9101, disk_size=1, image=f"image:{marker}")

    run_calls(calls // 10, threads, lambda number: change(-1 - number))
    before = descriptors(), resident_kb()
    ends, seconds = run_calls(calls, threads, change)
    memory = resident_kb() - before[1]
    client.close()
    settle(servers)
    carried: Counter[str] = Counter()
    for method, path, body in servers.ask("journal"):
        if method == "POST":
            carried[path if path.endswith("/stop") else json.loads(body)[0]["image"]] += 1
    twice = sum(1 for count in carried.values() if count > 1)
    return [
        str(sum(ends.values())), str(ends["answer"]), str(sum(ends.values()) - ends["answer"] - foreign(ends)),
        str(foreign(ends)), str(twice), f"{descriptors() - before[0]:+d}", f"{memory:+d}", f"{seconds:.1f}",
    ]  # fmt: skip


def killed(servers: Servers, calls: int, threads: int, keep_alive: bool, bundle: Path | None) -> list[str]:
    servers.ask("faults off")
    client = client_of(servers, keep_alive, bundle)
    pause = threading.Event()

    def read(number: int) -> None:
        pause.wait(0.004)  # so that the run spans several deaths
        answer = client.send(Request("GET", f"/nodes/{number}"))
        assert answer.data["path"] == f"/nodes/{number}"

    before = descriptors(), resident_kb()
    servers.ask("kill")
    ends, seconds = run_calls(calls, threads, read)
    servers.ask("spare")
    memory = resident_kb() - before[1]
    client.close()
    settle(servers)
    return [
        str(sum(ends.values())), str(ends["answer"]), str(sum(ends.values()) - ends["answer"] - foreign(ends)),
        str(foreign(ends)), "-", f"{descriptors() - before[0]:+d}", f"{memory:+d}", f"{seconds:.1f}",
    ]  # fmt: skip


def forks(
    servers: Servers, children: int, in_flight: bool, keep_alive: bool, bundle: Path | None
) -> list[str]:
    servers.ask("faults off")
    client = client_of(servers, keep_alive, bundle).with_options(read_timeout=10)
    stop = threading.Event()

    def ask(path: str) -> int:
        answer = client.send(Request("GET", path)).data
        assert answer["path"] == path, "crossed"
        return int(answer["connection"])

    def busy(number: int) -> None:
        while not stop.is_set():
            ask(f"/thread/{number}")

    began = time.monotonic()
    ask("/parent")
    threads = [threading.Thread(target=busy, args=(n,)) for n in range(4 if in_flight else 0)]
    for thread in threads:
        thread.start()
    ends: Counter[str] = Counter()
    for child in range(children):
        pid = os.fork()
        if pid == 0:
            try:
                for number in range(3):
                    ask(f"/child/{child}/{number}")
                os._exit(0)
            except AssertionError:
                os._exit(1)
            except BaseException:
                os._exit(2)
        ends[{0: "answer", 1: "crossed"}.get(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "failed")] += 1
    stop.set()
    for thread in threads:
        thread.join()
    ask("/parent")
    client.close()
    return [
        str(children), str(ends["answer"]), str(ends["failed"]), "0", f"{ends['crossed']} crossed", "-", "-",
        f"{time.monotonic() - began:.1f}",
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--children", type=int, default=200)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "This process", DeprecationWarning)
    head = ["scenario", "calls", "answers", "our errors", "foreign", "carried out twice", "fds", "KiB", "s"]
    rows = [head]
    with tempfile.TemporaryDirectory() as folder:
        authority = trustme.CA()
        bundle, chain = Path(folder, "ca.pem"), Path(folder, "server.pem")
        authority.cert_pem.write_to_path(str(bundle))
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
        for tls in (False, True):
            for keep_alive in (True, False):
                name = f"{'TLS' if tls else 'plain'}, {'keep-alive' if keep_alive else 'standard'}"
                trust = bundle if tls else None
                servers = Servers(chain if tls else None)
                try:
                    rows.append(
                        [
                            f"changes, every fault, {name}",
                            *chaos(servers, options.calls, options.threads, keep_alive, trust),
                        ]
                    )
                    rows.append(
                        [
                            f"reads, one of two killed, {name}",
                            *killed(servers, options.calls, options.threads, keep_alive, trust),
                        ]
                    )
                    rows.append(
                        [f"forks, {name}", *forks(servers, options.children, False, keep_alive, trust)]
                    )
                    rows.append(
                        [
                            f"forks, calls in flight, {name}",
                            *forks(servers, options.children, True, keep_alive, trust),
                        ]
                    )
                finally:
                    servers.close()
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print(
            "  ".join(
                cell.ljust(width) if n == 0 else cell.rjust(width)
                for n, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )
    bad = [row for row in rows[1:] if row[4] != "0" or row[5] not in ("0", "-", "0 crossed")]
    bad += [row for row in rows[1:] if not row[0].startswith("changes") and row[3] != "0"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
