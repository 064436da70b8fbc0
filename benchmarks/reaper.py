"""Counts rentals that outlive their owners, while owners and reapers are killed and endpoints fail.

    .venv/bin/python benchmarks/reaper.py [--rentals 500] [--ledger sqlite|redis|both] [--processes 8] [--seed 7]

Processes rent machines, VPN relays and render nodes from a simulated API, with leases of two seconds. Most of
them are killed with SIGKILL: at a chosen line of the SDK, or at a random time. Others end well, are
interrupted, or are suspended for longer than their lease. Two reapers run, which are killed at random lines
as well, and the endpoints fail. At the end one more round of a reaper follows. What is left over, was stopped
early or was made twice is then read from the simulated API's journal and list of sessions, not from the
ledger.

The exit code is 1 if a session was left without an owner, a living owner's session was stopped early, a
rental was made twice, or a session was stopped that nobody had rented here.
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
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processes import Process
from benchmarks.rental_lines import PHASES
from benchmarks.rental_owners import MARKER, client_of
from octaspace.rentals import open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support.redis_server import RedisServer

__all__ = ["LEASE", "Result", "prove", "table"]

#: Seconds of the ledger's options.
LEASE = 2.0
RECONCILE = 3.0

#: How the endpoints behave that a call uses, and how often.
SCENARIOS = {"mixed": 12, "lost": 4, "unmade": 2, "stop fails": 2}

#: Subkind and protocol of a VPN. With the node they tell the calls apart: a VPN carries no marker.
VPNS = [("wg", None), ("openvpn", None), ("ss", None), ("http_proxy", None),
        ("v2ray", "trojan"), ("v2ray", "vmess"), ("v2ray", "vless")]  # fmt: skip

SERVICES = ("mr", "vpn", "render")

#: Seconds that the last stop of a killed owner may still be on its way in the simulated API.
_SETTLE = 1.5


@dataclass
class Call:
    """One `rent()`: what was ordered, and what its process told."""

    order: dict[str, Any]
    began: float
    ended: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)

    def at(self, what: str) -> float | None:
        """When it told something first."""
        return next((event["at"] for event in self.events if event["what"] == what), None)

    @property
    def killed(self) -> float | None:
        """When it was killed."""
        by_signal = [
            event["at"] for event in self.events if event["what"] == "signal" and event["number"] == SIGKILL
        ]
        ended = self.at("done") is not None or self.at("error") is not None
        return self.at("killed") or (by_signal[0] if by_signal and not ended else None)

    @property
    def held_until(self) -> float | None:
        """Until when its session must not end; None if it never had one for sure."""
        times = [time for time in (self.at("leaving"), self.killed) if time is not None]
        interrupts = [e["at"] for e in self.events if e["what"] == "signal" and e["number"] == SIGINT]
        if self.at("entered") is not None:
            times += interrupts
        elif self.killed is None:
            return None
        return min(times, default=None)

    @property
    def without_owner_since(self) -> float:
        """From when on nobody held its session."""
        ends = (self.killed, self.at("error"), self.at("done"))
        return min((time for time in ends if time is not None), default=self.ended)


@dataclass
class Result:
    """What was counted for one ledger.

    Attributes:
        ledger: ``"sqlite"`` or ``"redis"``.
        calls: How often `rent()` was called.
        made: Sessions that the simulated API made.
        killed: Owners that were killed.
        by_phase: Of these, by the part of the rental.
        lines: Distinct lines at which owners were killed, of how many.
        orphans: Sessions left without an owner after the last round.
        early: Sessions that ended while their owner held them.
        twice: Calls for which more than one session was made.
        foreign: Sessions of others that ended.
        longest: Seconds that the longest orphan lived.
        rounds: Rounds of the reapers, and how many of them the ledger or the API failed.
        reapers_killed: Reapers that were killed.
        open_entries: Entries that are still open after the last round.
        seconds: How long it took.
        notes: What went wrong, in words.
    """

    ledger: str
    calls: int = 0
    made: int = 0
    killed: int = 0
    by_phase: Counter[str] = field(default_factory=Counter)
    lines: tuple[int, int] = (0, 0)
    ends: Counter[str] = field(default_factory=Counter)
    orphans: int = 0
    early: int = 0
    twice: int = 0
    foreign: int = 0
    longest: float = 0.0
    stopped_by_reapers: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    reapers_killed: int = 0
    open_entries: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing outlived its owner, ended early or was made twice."""
        return not (self.orphans or self.early or self.twice or self.foreign or self.notes)


class World:
    """The simulated API with its failing endpoints."""

    def __init__(self, seed: int) -> None:
        # Two endpoints that fail now and then, and one for each other scenario. Nothing gets ready and
        # costs money: the account must not run out of it.
        self.server = SandboxServer(ports=(0,) * 5, seed=seed, ready_after=3600)
        self._ended = threading.Event()
        self._seen: dict[str, Any] = {}
        self._first: set[str] = set()

    def __enter__(self) -> World:
        self.server.start()
        self.others = {rental.uuid: rental for rental in self.server.world.active()}
        urls = self.server.urls
        self.urls = {"mixed": urls[:2], "lost": [urls[2]], "unmade": [urls[3]], "stop fails": [urls[4]]}
        creations = [f"/services/{service}" for service in SERVICES]
        _, _, lost, unmade, stop_fails = self.server.ports
        add = self.server.faults.add
        for path in creations:
            add("drop_after_read", lost, methods=["POST"], path=path)
            add("status", unmade, methods=["POST"], path=path, status=500)
        add("status", stop_fails, methods=["POST"], path="/services/*/stop", status=500, probability=0.5)
        return self

    def fail(self) -> None:
        """Let the first two endpoints fail from now on."""
        add = self.server.faults.add
        for port in self.server.ports[:2]:
            add("slow", port, probability=0.1, seconds=0.3)
            for kind, share in (("drop_after_read", 0.06), ("drop_before_read", 0.04), ("reset", 0.03),
                                ("stall", 0.02), ("truncate", 0.02), ("garbage", 0.02), ("html", 0.02)):  # fmt: skip
                add(kind, port, methods=["POST"], path="/services/*", probability=share)  # type: ignore[arg-type]
            add("status", port, methods=["POST"], path="/services/*", probability=0.04, status=500)
            add(
                "status",
                port,
                methods=["POST"],
                path="/services/*",
                probability=0.04,
                status=504,
                carry_out=True,
            )
            add("status", port, methods=["GET"], probability=0.05, status=503)
            add("drop_after_read", port, methods=["GET"], probability=0.05)
            add("stall", port, methods=["GET"], probability=0.01)
        self._refusing = threading.Thread(target=self._refuse)
        self._refusing.start()

    def _refuse(self) -> None:
        """Close one of the endpoints for half a second, again and again."""
        for number in range(1_000_000):
            if self._ended.wait(1.5):
                return
            fault = self.server.faults.add("refuse", self.server.ports[number % 2])
            self._ended.wait(0.5)
            self.server.faults.remove_fault(fault.id)

    def look(self) -> None:
        """Remember the sessions: the simulated API forgets the oldest that have ended."""
        world = self.server.world
        with world.lock:
            for group in (world.sessions.active, world.sessions.finished):
                for uuid, rental in group.items():
                    self._seen.setdefault(uuid, rental)

    def made(self) -> list[Any]:
        """The sessions that were made after `begin`, active and ended."""
        self.look()
        return [rental for uuid, rental in self._seen.items() if uuid not in self._first]

    def begin(self) -> None:
        """Everything that exists now was rented by others."""
        self.look()
        self._first = set(self._seen)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(AttributeError):
            self._refusing.join()
        self.server.stop()


class Orders:
    """What the owners are told to do, by a seed.

    Args:
        chance: The source of all choices.
        world: The simulated API.
        ledger: The ledger's URL.
    """

    def __init__(self, chance: random.Random, world: World, ledger: str) -> None:
        self._chance, self._world, self._ledger = chance, world, ledger
        self._number = 0
        nodes = world.server.world.initial_state
        refused = set(nodes.refusals) | set(nodes.empty_results)
        self._nodes = {
            "mr": [offer["node_id"] for offer in nodes.mr if offer["node_id"] not in refused],
            "vpn": [offer["node_id"] for offer in nodes.vpn if offer["node_id"] not in refused],
            "render": [offer["node_id"] for offer in nodes.render if offer["node_id"] not in refused],
        }
        #: The lines of whole rentals, by scenario and service.
        self.recorded: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._to_kill: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def plain(self, scenario: str, service: str) -> dict[str, Any]:
        """A rental that ends well."""
        self._number += 1
        nodes = self._nodes[service]
        # The same few nodes again and again, so that the sessions of several owners are on one node.
        subkind, protocol = VPNS[self._number // len(nodes) % len(VPNS)]
        return {
            "do": "own", "call": self._number, "service": service, "scenario": scenario,
            "node": nodes[self._number % len(nodes)], "subkind": subkind, "protocol": protocol,
            "urls": self._world.urls[scenario], "ledger": self._ledger, "seconds": 0.0,
        }  # fmt: skip

    def next(self) -> dict[str, Any]:
        """The next rental, and how it ends."""
        chance = self._chance
        scenario = chance.choices(list(SCENARIOS), list(SCENARIOS.values()))[0]
        service = SERVICES[self._number % len(SERVICES)]
        order = self.plain(scenario, service)
        order["keep_alive"] = chance.random() < 0.3
        order["reaps_child"] = chance.random() < 0.7
        order["seconds"] = chance.uniform(0, 0.6)
        manner = chance.choices(
            ("line", "time", "well", "raises", "interrupted", "suspended"), (60, 12, 14, 4, 5, 5)
        )[0]
        if manner == "line":
            order["target"] = self._target(scenario, service)
            order["away"] = chance.random() < 0.2
            order["forks"] = chance.random() < 0.15
        elif manner == "time":
            order["signals"] = [(chance.uniform(0, 1.0), SIGKILL)]
            order["forks"] = chance.random() < 0.3
        elif manner == "well":
            order["seconds"] = chance.choice((0.1, 0.5, LEASE * 1.5, LEASE * 2))
        elif manner == "raises":
            order["raises"] = True
        elif manner == "interrupted":
            order["signals"] = [(chance.uniform(0, 0.8), SIGINT)]
            order["lingers"] = LEASE + 1  # the process lives on, the rental must not
        else:
            order["signals"] = [(0.4, SIGSTOP), (LEASE * 1.3, SIGCONT)]
            order["seconds"] = 1.0
        order["manner"] = manner
        return order

    def _target(self, scenario: str, service: str) -> dict[str, Any]:
        """A line to be killed at: each once, then evenly over the parts of a rental."""
        recorded = self.recorded[scenario, service]
        left = self._to_kill.setdefault((scenario, service), [])
        if not left:
            left += sorted(set(recorded))
            self._chance.shuffle(left)
        if self._number % 2:
            place, phase = left.pop()
        else:
            phase = self._chance.choice(sorted({phase for _, phase in recorded}))
            place = self._chance.choice([place for place, where in recorded if where == phase])
        times = recorded.count((place, phase))
        return {"place": place, "phase": phase, "before": self._chance.randrange(times)}


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
        time.sleep(max(LEASE, RECONCILE) + _SETTLE)
        client = client_of({"urls": world.urls["mixed"], "ledger": url})
        report = reap(client)
        result.rounds["last"] += 1
        if not report.ok:
            result.notes += [
                f"last round: {item.result} {item.reason} {item.detail}"
                for item in report.items
                if item.result in ("failed", "undecided")
            ] or [f"last round: {report.problem}"]
        client.close()
        _judge(result, calls, world)
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


def _judge(result: Result, calls: list[Call], world: World) -> None:
    """Compare the sessions of the simulated API with what the owners did."""
    sessions = world.made()
    by_call: dict[int, list[Any]] = {call.order["call"]: [] for call in calls}
    for session in sessions:
        call = _call_of(session, calls)
        if call is None:
            result.notes.append(f"session {session.uuid} ({session.service}) belongs to no call")
            continue
        by_call[call.order["call"]].append(session)
    active = {rental.uuid for rental in world.server.world.active()}
    result.calls, result.made = len(calls), len(sessions)
    for call in calls:
        made = by_call[call.order["call"]]
        _count_end(result, call)
        result.twice += len(made) > 1
        for session in made:
            if session.uuid in active:
                result.orphans += 1
                result.notes.append(f"left: {session.uuid} of {_words(call)}")
                continue
            if call.held_until is not None and session.ended < call.held_until:
                result.early += 1
                result.notes.append(
                    f"early by {call.held_until - session.ended:.3f} s: {session.uuid} of {_words(call)}"
                )
            if any(event.get("alive") is False for event in call.events):
                result.notes.append(f"gone in the block: {session.uuid} of {_words(call)}")
            lived = session.ended - max(session.started, call.without_owner_since)
            if lived > 0:
                result.stopped_by_reapers += 1
                result.longest = max(result.longest, lived)
    _judge_journal(result, world)
    result.foreign = sum(uuid not in active for uuid in world.others)


def _judge_journal(result: Result, world: World) -> None:
    """No entry's id, and no call's marker, is in two creations that were carried out."""
    creations: Counter[str] = Counter()
    for entry in world.server.journal.entries():
        if not entry.carried_out or entry.method != "POST" or entry.path.count("/") != 2:
            continue
        body = json.loads(entry.body)
        item = body[0] if isinstance(body, list) else body
        for name, value in (item.get("envs") or {}).items():
            creations[f"{name}={value}"] += 1
    for name, count in creations.items():
        if count > 1:
            result.twice += 1
            result.notes.append(f"{name} was sent {count} times")


def _call_of(session: Any, calls: list[Call]) -> Call | None:
    marker = session.extra.get("user_envs", {}).get(MARKER)
    for call in calls:
        order = call.order
        if order["service"] != session.service or order["node"] != session.node_id:
            continue
        if marker is not None:
            if str(order["call"]) == marker:
                return call
        elif (
            session.kind == order["subkind"]
            and (order["protocol"] is None or session.protocol == order["protocol"])
            and call.began <= session.started <= call.ended + _SETTLE
        ):
            return call
    return None


def _count_end(result: Result, call: Call) -> None:
    for event in call.events:
        if event["what"] == "broken":
            result.notes.append(f"owner failed: {event['error']}")
    if call.killed is not None:
        result.killed += 1
        place = next((event for event in call.events if event["what"] == "killed"), None)
        result.by_phase[place["phase"] if place else "at a random time"] += 1
    error = next((event["error"] for event in call.events if event["what"] == "error"), None)
    result.ends["killed" if call.killed is not None else error or "well"] += 1


def _words(call: Call) -> str:
    order = call.order
    told = [
        event["what"] + (f" {event['place']} ({event['phase']})" if event["what"] == "killed" else "")
        + (f" {event.get('error')}: {event.get('text')}" if event["what"] == "error" else "")
        for event in call.events
    ]  # fmt: skip
    return f"call {order['call']} ({order['service']}, {order['scenario']}, {order['manner']}): {', '.join(told)}"


def table(results: list[Result]) -> str:
    """The figures of the results, one column each."""
    rows: list[tuple[str, list[str]]] = [
        ("calls of rent()", [str(one.calls) for one in results]),
        ("rentals made", [str(one.made) for one in results]),
        ("owners killed", [str(one.killed) for one in results]),
        *[
            (f"  {phase}", [str(one.by_phase[phase]) for one in results])
            for phase in (*PHASES, "at a random time")
        ],
        ("  distinct lines", [f"{one.lines[0]} of {one.lines[1]}" for one in results]),
        *[
            (f"ended: {end}", [str(one.ends[end]) for one in results])
            for end in sorted({end for one in results for end in one.ends} - {"killed"})
        ],
        ("orphans left", [str(one.orphans) for one in results]),
        ("living ones stopped early", [str(one.early) for one in results]),
        ("made twice", [str(one.twice) for one in results]),
        ("sessions of others stopped", [str(one.foreign) for one in results]),
        ("sessions that reapers stopped", [str(one.stopped_by_reapers) for one in results]),
        ("longest time an orphan lived", [f"{one.longest:.1f} s" for one in results]),
        ("rounds of the reapers", [str(one.rounds["complete"] + one.rounds["last"]) for one in results]),
        ("reapers killed", [str(one.reapers_killed) for one in results]),
        ("entries left open", [str(one.open_entries) for one in results]),
        ("seconds", [f"{one.seconds:.0f}" for one in results]),
    ]
    head = ("", [one.ledger for one in results])
    left = max(len(name) for name, _ in rows)
    return "\n".join(
        name.ljust(left) + "".join(value.rjust(14) for value in values) for name, values in [head, *rows]
    )


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
