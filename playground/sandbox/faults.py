"""Faults: what can be switched on, on which endpoint, for which requests, how often."""

from __future__ import annotations

import fnmatch
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from .clock import Clock
from .dice import dice

#: Every kind, and what it does. `work` in the text means: the default of the option `work`.
KINDS: dict[str, str] = {
    "status": "answers with `status` (and Retry-After); the request is not carried out unless `work`",
    "slow": "waits `seconds` before it goes on as usual; combines with the others",
    "stall": "reads the request and never answers; not carried out unless `work`",
    "stall_body": "carries the request out, sends half of the answer, then nothing more",
    "drop_before_read": "closes the connection when a request is there, without having read it",
    "drop_after_read": "reads the request and closes; not carried out unless `work`",
    "reset": "reads the request and resets the connection (RST); not carried out unless `work`",
    "refuse": "closes the listening port and every connection until healed",
    "truncate": "carries the request out, sends half of the announced body and closes",
    "garbage": "carries the request out and answers 200 with JSON that cannot be read",
    "html": "carries the request out and answers 200 with an HTML page",
    "rate_limit": "lets `per_second` requests a second pass and answers 429 to the rest",
}
#: Kinds whose request is carried out before the fault strikes, whatever `work` says.
_ALWAYS_WORK = frozenset({"stall_body", "truncate", "garbage", "html"})
_BODIES = ("json", "html", "empty")


class FaultError(ValueError):
    """A fault that cannot be switched on; the message says which option is wrong."""


@dataclass(eq=False)
class Fault:
    """One fault, switched on."""

    kind: str
    #: Port of the endpoint it strikes; None for all of them.
    endpoint: int | None = None
    #: Part of the matching requests it strikes, and how many at most (None: no limit).
    probability: float = 1.0
    count: int | None = None
    #: Methods, and shell pattern of the percent-encoded path, that it strikes.
    methods: tuple[str, ...] = ()
    path: str = "*"
    status: int = 503
    #: Seconds for Retry-After on 429 and 503, None for none; written as seconds or as an HTTP date.
    retry_after: float | None = None
    retry_after_date: bool = False
    #: What an error answer holds: json, html or empty; by default what such a status usually has.
    body: str | None = None
    seconds: float = 1.0
    per_second: float = 5.0
    work: bool = False
    id: int = 0
    fired: int = 0
    healed: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def works(self) -> bool:
        """Whether a request that it strikes is carried out nevertheless."""
        return self.work or self.kind in _ALWAYS_WORK

    def matches(self, port: int, method: str, path: str) -> bool:
        return (
            (self.endpoint is None or self.endpoint == port)
            and (not self.methods or method in self.methods)
            and (self.count is None or self.fired < self.count)
            and fnmatch.fnmatchcase(path, self.path)
        )

    def view(self) -> dict[str, Any]:
        """As JSON: every option, how often it struck, and whether it may strike again."""
        names = [each.name for each in fields(self) if each.name != "healed"]
        spent = self.count is not None and self.fired >= self.count
        return {
            **{name: getattr(self, name) for name in names},
            "methods": list(self.methods),
            "spent": spent,
        }


class Verdict(NamedTuple):
    """What happens to one request: the delays first, then at most one fault."""

    delays: tuple[Fault, ...] = ()
    fault: Fault | None = None


class FaultBoard:
    """The switches of one sandbox. Safe to use from any thread."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed, self._clock = seed, clock
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._rolls: dict[int, Callable[[], float]] = {}
        self._passed: dict[tuple[int, int], deque[float]] = {}
        self._next_id = 1
        #: Called after every change, to open and close ports.
        self.on_change: Callable[[], None] = lambda: None

    def add(self, kind: str, endpoint: int | None = None, **options: Any) -> Fault:
        """Switch a fault on and return it; `FaultError` when an option is unknown or wrong."""
        fault = _checked(kind, endpoint, options)
        with self._lock:
            fault.id = self._next_id
            self._next_id += 1
            # By place among those switched on, not by id: after heal_all the same switches fall the same way.
            self._rolls[fault.id] = dice("fault", self._seed, len(self._faults), kind).random
            self._faults.append(fault)
        self.on_change()
        return fault

    def heal(self, fault_id: int) -> bool:
        """Switch one fault off, ending the delays and stalls it causes; False when there is no such fault."""
        return bool(self._remove(lambda fault: fault.id == fault_id))

    def heal_all(self, endpoint: int | None = None) -> int:
        """Switch every fault off, or those of one endpoint alone; how many there were."""
        return self._remove(lambda fault: endpoint is None or fault.endpoint == endpoint)

    def _remove(self, chosen: Callable[[Fault], bool]) -> int:
        with self._lock:
            healed = [fault for fault in self._faults if chosen(fault)]
            self._faults = [fault for fault in self._faults if fault not in healed]
            for fault in healed:
                del self._rolls[fault.id]
            gone = {fault.id for fault in healed}
            self._passed = {key: times for key, times in self._passed.items() if key[0] not in gone}
        for fault in healed:
            fault.healed.set()
        self.on_change()
        return len(healed)

    def reseed(self, seed: int) -> None:
        """The seed of the faults that are switched on from now on."""
        self._seed = seed

    def active(self) -> list[Fault]:
        """Every fault that is switched on, in the order it was."""
        with self._lock:
            return list(self._faults)

    def refused(self, port: int) -> bool:
        """Whether the port of an endpoint is to be closed."""
        return any(fault.kind == "refuse" and fault.endpoint in (None, port) for fault in self.active())

    def drops_unread(self, port: int, method: str, path: str) -> Fault | None:
        """The fault that strikes before a request is read, if any."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.kind == "drop_before_read" and self._strikes(fault, port, method, path):
                    return fault
        return None

    def judge(self, port: int, method: str, path: str) -> Verdict:
        """What happens to a request that has been read. The first fault that strikes wins; delays add up."""
        if not self._faults:
            return Verdict()
        delays: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.kind in ("refuse", "drop_before_read") or not self._strikes(
                    fault, port, method, path
                ):
                    continue
                if fault.kind != "slow":
                    return Verdict(tuple(delays), fault)
                delays.append(fault)
        return Verdict(tuple(delays))

    def _strikes(self, fault: Fault, port: int, method: str, path: str) -> bool:
        if not fault.matches(port, method, path):
            return False
        if fault.probability < 1 and self._rolls[fault.id]() >= fault.probability:
            return False
        if fault.kind == "rate_limit" and self._passes(fault, port):
            return False
        fault.fired += 1
        return True

    def _passes(self, fault: Fault, port: int) -> bool:
        """Whether a request is within the rate; if so, it is counted."""
        now = self._clock.monotonic()
        passed = self._passed.setdefault((fault.id, port), deque())
        while passed and now - passed[0] >= 1:
            passed.popleft()
        if len(passed) >= fault.per_second:
            return False
        passed.append(now)
        return True


_RANGES = {
    "probability": (float, 0, 1),
    "count": (int, 1, 1_000_000),
    "status": (int, 300, 599),
    "retry_after": (float, 0, 86_400),
    "seconds": (float, 0, 3600),
    "per_second": (float, 0, 100_000),
}


def _checked(kind: str, endpoint: int | None, options: dict[str, Any]) -> Fault:
    if kind not in KINDS:
        raise FaultError(f"kind must be one of {', '.join(KINDS)}")
    known = {each.name for each in fields(Fault)} - {"kind", "endpoint", "id", "fired", "healed"}
    for name, value in options.items():
        if name not in known:
            raise FaultError(f"unknown option {name}: choose among {', '.join(sorted(known))}")
        _check(name, value)
    if kind == "refuse" and (set(options) - {"work"}):
        raise FaultError("refuse closes the whole port: it takes no option but endpoint")
    given = {name: value for name, value in options.items() if value is not None}
    if "methods" in given:
        given["methods"] = tuple(method.upper() for method in given["methods"])
    return Fault(kind, endpoint, **given)


def _check(name: str, value: Any) -> None:
    if value is None:
        return
    if name in _RANGES:
        kind, low, high = _RANGES[name]
        number = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise FaultError(f"{name} must be a number from {low} to {high}")
    elif name in ("work", "retry_after_date"):
        if not isinstance(value, bool):
            raise FaultError(f"{name} must be true or false")
    elif name == "methods":
        if not isinstance(value, (list, tuple)) or not all(isinstance(method, str) for method in value):
            raise FaultError("methods must be a list of names")
    elif not isinstance(value, str) or (name == "body" and value not in _BODIES):
        raise FaultError(
            "path must be a pattern" if name == "path" else f"body must be one of {', '.join(_BODIES)}"
        )
