"""Counts rentals that outlive their owners, while owners and reapers are killed and endpoints fail.

    .venv/bin/python benchmarks/reaper.py [--rentals 500] [--ledger both] [--processes 8] [--seed 7]

Processes rent machines, VPN relays and render nodes from a simulated API, with leases of two seconds. Most of
them are killed with SIGKILL: at a chosen line of the SDK, or at a random time. Others end well, are
interrupted, or are suspended for longer than their lease. Two reapers run, which are killed at random lines
as well, and the endpoints fail. At the end one more round of a reaper follows. What is left over, was stopped
early or was made twice is then read from the simulated API's journal and list of sessions, not from the
ledger.

The exit code is 1 if a session was left without an owner, a living owner's session was stopped early, a
rental was made twice, or a session that is not in the ledger was stopped.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processes import Process
from benchmarks.rental_judge import SETTLE, Call, Result, judge, table
from benchmarks.rental_orders import LEASE, RECONCILE, Orders
from benchmarks.rental_owners import client_of
from benchmarks.rental_world import SCENARIOS, SERVICES, World
from octaspace.rentals import open_ledger, reap
from tests.support.redis_server import RedisServer

__all__ = ["prove", "table"]


class Processes:
    """The processes that fork owners, and those that fork reapers."""

    def __init__(self, stack: ExitStack, owners: int, reapers: int) -> None:
        self.owners = [stack.enter_context(Process("benchmarks.rental_owners")) for _ in range(owners)]
        self.reapers = [stack.enter_context(Process("benchmarks.rental_owners")) for _ in range(reapers)]

    @staticmethod
    def order(process: Process, order: dict[str, Any]) -> dict[str, Any]:
        process.say(json.dumps(order))
        answer: dict[str, Any] = json.loads(process.hear())
        return answer


def prove(
    ledger: str, *, rentals: int, processes: int = 8, seed: int = 7, say: Any = lambda line: None
) -> Result:
    """Rent until that many sessions were made, and count.

    Args:
        ledger: ``"sqlite"`` or ``"redis"``.
        rentals: Sessions to make.
        processes: How many rent at the same time.
        seed: Of all choices.
        say: Takes lines about the progress.
    """
    began = time.monotonic()
    result = Result(ledger)
    with ExitStack() as stack:
        url = stack.enter_context(_ledger_url(ledger))
        world = stack.enter_context(World(seed))
        workers = Processes(stack, processes, 2)
        orders = Orders(random.Random(seed), world, url)
        _record(orders, workers.owners)
        world.begin()
        world.fail()
        calls = _run(orders, workers, world, url, rentals, seed, result, say)
        # One round, past the lease of the last owner. The endpoints still fail.
        time.sleep(max(LEASE, RECONCILE) + SETTLE)
        client = client_of({"urls": world.urls["mixed"], "ledger": url})
        report = reap(client)
        result.rounds["last"] += 1
        # An undecided entry is not a failure: a session of another program on its node could be the entry's.
        # It is counted among the open entries, and the judge counts a session that it would hide.
        failed = [item for item in report.items if item.result == "failed"]
        result.notes += [f"last round: failed {item.reason} {item.detail}" for item in failed]
        if report.problem:
            result.notes.append(f"last round: {report.problem}")
        client.close()
        judge(result, calls, world)
        opened = open_ledger(url)
        result.open_entries = len(opened.backend.open_rentals())
        recorded = {line for lines in orders.recorded.values() for line in lines}
        killed_at = {
            (event["place"], event["phase"])
            for call in calls for event in call.events if event["what"] == "killed"
        }  # fmt: skip
        result.lines = (
            len({place for place, _ in killed_at}), len({place for place, _ in recorded | killed_at})
        )  # fmt: skip
    result.seconds = time.monotonic() - began
    return result


@contextmanager
def _ledger_url(kind: str) -> Iterator[str]:
    options = f"?lease={LEASE:g}&reconcile_timeout={RECONCILE:g}"
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/rentals.db{options}"
            return
        server = RedisServer(Path(folder))
        try:
            yield f"{server.url}{options}"
        finally:
            server.stop()


def _record(orders: Orders, owners: list[Process]) -> None:
    """Count the lines of one whole rental of each kind, before anything fails by chance."""
    todo: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    for scenario in SCENARIOS:
        for service in SERVICES:
            todo.put((scenario, service))
    lock = threading.Lock()

    def work(process: Process) -> None:
        while True:
            with lock:
                if todo.empty():
                    return
                scenario, service = todo.get()
                order = {**orders.plain(scenario, service), "do": "record"}
            answer = Processes.order(process, order)
            lines = next((event["lines"] for event in answer["events"] if event["what"] == "lines"), None)
            if not lines:
                raise RuntimeError(f"no lines of {scenario}, {service}: {answer}")
            orders.recorded[scenario, service] = [(place, phase) for place, phase in lines]

    _in_threads(work, owners)


def _run(
    orders: Orders,
    workers: Processes,
    world: World,
    url: str,
    rentals: int,
    seed: int,
    result: Result,
    say: Any,
) -> list[Call]:
    calls: list[Call] = []
    lock, over = threading.Lock(), threading.Event()

    def own(process: Process) -> None:
        while True:
            with lock:
                made = len(world.made())
                if made >= rentals:
                    return
                order = orders.next()
                call = Call(order, time.monotonic())
                calls.append(call)
                if len(calls) % 100 == 0:
                    say(f"{result.ledger}: {len(calls)} calls, {made} rentals")
            call.events = Processes.order(process, order)["events"]
            call.ended = time.monotonic()

    def reaper(process: Process) -> None:
        number = workers.reapers.index(process)
        chance, lines = random.Random(f"{seed} reaper {number}"), 400
        while not over.is_set():
            order = {
                "do": "reap", "urls": world.urls["mixed"], "ledger": url, "rounds": chance.randint(2, 6),
                "pause": 0.4, "kill_at": chance.randrange(2 * lines) + 1 if chance.random() < 0.5 else None,
            }  # fmt: skip
            for event in Processes.order(process, order)["events"]:
                if event["what"] == "round":
                    result.rounds["complete"] += 1
                    lines = max(lines, event["lines"])
                elif event["what"] == "killed":
                    result.reapers_killed += 1
                elif event["what"] == "failed round":
                    result.rounds["failed"] += 1
                    result.notes.append(f"a round failed: {event['error']}")
                elif event["what"] == "broken":
                    result.notes.append(f"a reaper failed: {event['error']}")

    reapers = threading.Thread(target=_in_threads, args=(reaper, workers.reapers))
    reapers.start()
    try:
        _in_threads(own, workers.owners)
    finally:
        over.set()
        reapers.join()
    return calls


def _in_threads(work: Any, processes: list[Process]) -> None:
    failures: list[BaseException] = []

    def run(process: Process) -> None:
        try:
            work(process)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rentals", type=int, default=500)
    parser.add_argument("--ledger", choices=("sqlite", "redis", "both"), default="both")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    results = [
        prove(
            ledger, rentals=options.rentals, processes=options.processes, seed=options.seed,
            say=lambda line: print(line, file=sys.stderr),
        )
        for ledger in (("sqlite", "redis") if options.ledger == "both" else (options.ledger,))
    ]  # fmt: skip
    print(table(results))
    for result in results:
        for note in result.notes:
            print(f"FAILED: {result.ledger}: {note}")
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
