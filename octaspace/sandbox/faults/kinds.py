"""Faults: the kinds, the options of each, and which requests one applies to."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FaultKind = Literal[
    "status",
    "slow",
    "stall",
    "stall_body",
    "drip",
    "drop_before_read",
    "drop_after_read",
    "reset",
    "refuse",
    "truncate",
    "close_after",
    "garbage",
    "html",
    "rate_limit",
]
#: What an error answer holds.
ErrorBody = Literal["json", "html", "empty"]
#: Every kind, and what it does.
KINDS: dict[str, str] = {
    "status": "answers with `status`; the request is not carried out unless `carry_out`",
    "slow": "waits `seconds` before it continues as usual; combines with the others",
    "stall": "reads the request and never answers; it is carried out unless `carry_out` is false",
    "stall_body": "carries the request out, sends half of the answer, then nothing more",
    "drip": "carries the request out and sends the answer in small pieces over `seconds`",
    "drop_before_read": "closes the connection when a request has arrived, without reading it",
    "drop_after_read": "reads the request and closes; it is carried out unless `carry_out` is false",
    "reset": "reads the request and sends RST; it is carried out unless `carry_out` is false",
    "refuse": "closes the listening port and every connection until the fault is removed",
    "truncate": "carries the request out, sends half of the announced body and closes",
    "close_after": "carries the request out, answers with keep-alive, and closes the connection anyway",
    "garbage": "carries the request out and answers 200 with JSON that cannot be read",
    "html": "carries the request out and answers 200 with an HTML page",
    "rate_limit": "lets `per_second` requests a second pass and answers 429 to the rest",
}
_FILTERS = ("methods", "path", "probability", "count")
_OWN: dict[str, tuple[str, ...]] = {
    "status": ("status", "retry_after", "retry_after_date", "body", "carry_out"),
    "slow": ("seconds",),
    "stall": ("carry_out",),
    "drip": ("seconds",),
    "drop_after_read": ("carry_out",),
    "reset": ("carry_out",),
    "rate_limit": ("per_second", "retry_after", "retry_after_date", "body"),
}
#: The options of each kind, in addition to `endpoint`.
OPTIONS: dict[str, tuple[str, ...]] = {
    kind: () if kind == "refuse" else _FILTERS + _OWN.get(kind, ()) for kind in KINDS
}
#: Kinds whose request is not carried out, unless the option `carry_out` is true.
_IDLE = frozenset({"status", "drop_before_read", "rate_limit", "refuse"})

_RANGES: dict[str, tuple[bool, float, float]] = {  # Whether it is a whole number, lowest, highest.
    "probability": (False, 0, 1),
    "count": (True, 1, 1_000_000),
    "status": (True, 300, 599),
    "retry_after": (False, 0, 86_400),
    "seconds": (False, 0, 3600),
    "per_second": (True, 0, 100_000),
}
_BODIES = get_args(ErrorBody)


class FaultError(ValueError):
    """A fault with a wrong option; the message names it."""


@dataclass(eq=False)
class Fault:
    """One fault, switched on."""

    kind: str
    #: Port of the endpoint it applies to; None: all of them.
    endpoint: int | None = None
    #: Methods, and shell pattern of the percent-encoded path, that it applies to; no methods: all.
    methods: tuple[str, ...] = ()
    path: str = "*"
    #: Share of the matching requests it applies to, and how many at most (None: no limit).
    probability: float = 1.0
    count: int | None = None
    status: int = 503
    #: Seconds for Retry-After; None: no header (a rate limit: 1). Written as seconds or as an HTTP date.
    retry_after: float | None = None
    retry_after_date: bool = False
    #: Body of an error answer; by default what is usual for the status.
    body: str | None = None
    seconds: float = 1.0
    per_second: int = 5
    #: Whether an affected request is carried out.
    carry_out: bool = False
    id: int = 0
    #: How often it was applied.
    fired: int = 0
    removed: threading.Event = field(default_factory=threading.Event, repr=False)
    #: Random source of `probability`, and when requests passed a rate limit, by port.
    rng: random.Random = field(default_factory=random.Random, repr=False)
    passed: dict[int, deque[float]] = field(default_factory=dict, repr=False)

    def matches(self, port: int, method: str, path: str, now: float) -> bool:
        """Whether it applies to this request, at the monotonic second `now`; if so, `fired` goes up."""
        if not self._concerns(port, method, path) or self._spent:
            return False
        if self.probability < 1 and self.rng.random() >= self.probability:
            return False
        if self.kind == "rate_limit" and self._passes(port, now):
            return False
        self.fired += 1
        return True

    def view(self) -> dict[str, Any]:
        """As JSON: the options of its kind, how often it was applied, and whether `count` is used up."""
        options = {name: getattr(self, name) for name in OPTIONS[self.kind]}
        return {
            "id": self.id,
            "kind": self.kind,
            "endpoint": self.endpoint,
            **options,
            "fired": self.fired,
            "spent": self._spent,
        }

    @property
    def _spent(self) -> bool:
        return self.count is not None and self.fired >= self.count

    def _concerns(self, port: int, method: str, path: str) -> bool:
        return (
            self.endpoint in (None, port)
            and (not self.methods or method in self.methods)
            and fnmatch.fnmatchcase(path, self.path)
        )

    def _passes(self, port: int, now: float) -> bool:
        """Whether a request is within the rate; if so, it is counted."""
        passed = self.passed.setdefault(port, deque())
        while passed and now - passed[0] >= 1:
            passed.popleft()
        if len(passed) >= self.per_second:
            return False
        passed.append(now)
        return True


def make_fault(kind: str, endpoint: int | None, options: dict[str, Any]) -> Fault:
    """A fault with checked options.

    Args:
        kind: One of `KINDS`.
        endpoint: Port of the endpoint it applies to; None for all of them.
        options: Those of `OPTIONS`; None for an option is its default.

    Raises:
        FaultError: The kind or an option is unknown, not for this kind, or out of range.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise FaultError(f"kind must be one of {', '.join(KINDS)}")
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in OPTIONS[kind]:
            known = ", ".join(("endpoint", *OPTIONS[kind]))
            raise FaultError(f"{kind} takes no option {name}: choose among {known}")
        _check(name, value)
    if "methods" in given:
        given["methods"] = tuple(method.upper() for method in given["methods"])
    return Fault(kind, endpoint, **{"carry_out": kind not in _IDLE, **given})


def _check(name: str, value: Any) -> None:
    if name in _RANGES:
        whole, low, high = _RANGES[name]
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise FaultError(f"{name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    elif name in ("carry_out", "retry_after_date"):
        if not isinstance(value, bool):
            raise FaultError(f"{name} must be true or false")
    elif name == "methods":
        if not isinstance(value, (list, tuple)) or not all(isinstance(method, str) for method in value):
            raise FaultError("methods must be a list of names")
    elif name == "path":
        if not isinstance(value, str):
            raise FaultError("path must be a shell pattern")
    elif value not in _BODIES:
        raise FaultError(f"body must be one of {', '.join(_BODIES)}")
