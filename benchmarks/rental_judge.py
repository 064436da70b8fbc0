"""Compare the sessions of the simulated API with what the owners did, without the ledger."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from signal import SIGINT, SIGKILL
from typing import Any

from benchmarks.rental_lines import PHASES
from benchmarks.rental_owners import MARKER
from benchmarks.rental_world import SERVICES, World

__all__ = ["SETTLE", "Call", "Result", "judge", "table"]

#: Seconds that the last stop of a killed owner may still be on its way in the simulated API.
SETTLE = 1.5


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
        if "max_duration" in self.order:
            return self.began + float(self.order["max_duration"])
        times = [time for time in (self.at("leaving"), self.killed) if time is not None]
        interrupts = [e["at"] for e in self.events if e["what"] == "signal" and e["number"] == SIGINT]
        if self.at("entered") is not None:
            times += interrupts
        elif self.killed is None:
            return None
        return min(times, default=None)

    @property
    def without_owner_since(self) -> float:
        """From when on its session had no owner."""
        if "max_duration" in self.order:
            return self.began + float(self.order["max_duration"])
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
        longest: Seconds that the longest orphan lived, by service.
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
    longest: dict[str, float] = field(default_factory=dict)
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


def judge(result: Result, calls: list[Call], world: World) -> None:
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
                result.longest[session.service] = max(result.longest.get(session.service, 0.0), lived)
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
            and call.began <= session.started <= call.ended + SETTLE
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
    kind = f"{order['service']}, {order['scenario']}, {order['manner']}"
    told = (
        " ".join(str(event[name]) for name in ("what", "place", "phase", "error", "text") if name in event)
        for event in call.events
    )
    return f"call {order['call']} ({kind}): {', '.join(told)}"


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
        (
            "longest time an orphan lived",
            [f"{max(one.longest.values(), default=0):.1f} s" for one in results],
        ),
        *[
            (f"  {service}", [f"{one.longest.get(service, 0):.1f} s" for one in results])
            for service in SERVICES
        ],
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
