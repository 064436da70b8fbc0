"""The active faults of one sandbox, and which of them apply to a request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..clock import Clock
from ..datasets.rng import seeded_rng
from .kinds import ErrorBody, Fault, FaultKind, make_fault


class MatchedFaults(NamedTuple):
    """What applies to one request: the delays first, then at most one other fault."""

    delays: tuple[Fault, ...] = ()
    fault: Fault | None = None


class FaultRegistry:
    """The active faults of a sandbox. Safe to use from any thread."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed, self._clock = seed, clock
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._next_id = 1
        self._position = 0
        #: Called after every change, to open and close ports.
        self.on_change: Callable[[], None] = lambda: None

    def add(
        self,
        kind: FaultKind,
        endpoint: int | None = None,
        *,
        methods: Sequence[str] | None = None,
        path: str | None = None,
        probability: float | None = None,
        count: int | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        retry_after_date: bool | None = None,
        body: ErrorBody | None = None,
        seconds: float | None = None,
        per_second: int | None = None,
        carry_out: bool | None = None,
    ) -> Fault:
        """Switch a fault on. `OPTIONS` lists the options of each kind; None is the default.

        Args:
            kind: One of `KINDS`, which says what each does.
            endpoint: Port of the endpoint it applies to; None for all of them.
            methods: HTTP methods it applies to; all by default.
            path: Shell pattern of the paths it applies to, such as `/services/*`; all by default.
            probability: Share of the matching requests it applies to, from 0 to 1; by default 1.
            count: The most requests it applies to; without a limit by default.
            status: HTTP status of the answer, from 300 to 599; by default 503.
            retry_after: Seconds for the header Retry-After; no header by default (a rate limit: 1).
            retry_after_date: Write Retry-After as a date instead of seconds.
            body: Body of an error answer; by default what is usual for the status.
            seconds: How long a delay or a slow answer takes; by default 1.
            per_second: Requests that a rate limit lets pass in each second; by default 5.
            carry_out: Whether an affected request is carried out; the default depends on the kind.

        Returns:
            The fault: `fired` counts how often it was applied, and `remove_fault` takes its `id`.

        Raises:
            FaultError: An option is not for this kind, or out of range.
        """
        options = {
            "methods": methods,
            "path": path,
            "probability": probability,
            "count": count,
            "status": status,
            "retry_after": retry_after,
            "retry_after_date": retry_after_date,
            "body": body,
            "seconds": seconds,
            "per_second": per_second,
            "carry_out": carry_out,
        }
        return self.switch_on(make_fault(kind, endpoint, options))

    def switch_on(self, fault: Fault) -> Fault:
        """Switch on a fault that `make_fault` has checked; it gets its id and its random source."""
        with self._lock:
            fault.id = self._next_id
            self._next_id += 1
            # By position, not by id: an emptied registry repeats the same probabilities for the same faults.
            fault.rng = seeded_rng("fault", self._seed, self._position, fault.kind)
            self._position += 1
            self._faults.append(fault)
        self.on_change()
        return fault

    def remove_fault(self, fault_id: int) -> bool:
        """Switch one fault off, which ends the delays and stalls it causes; False for an unknown id."""
        return bool(self._remove(lambda fault: fault.id == fault_id))

    def remove_all(self, endpoint: int | None = None) -> int:
        """Switch off every fault, or those of one endpoint only, and return how many there were."""
        return self._remove(lambda fault: endpoint is None or fault.endpoint == endpoint)

    def restart(self, seed: int) -> None:
        """Switch every fault off, and start again: the next fault has the id 1 and draws from `seed`."""
        self._remove(lambda fault: True)
        with self._lock:
            self._seed, self._next_id = seed, 1

    @property
    def is_fresh(self) -> bool:
        """Whether no fault has been switched on since the start or `restart`."""
        return self._next_id == 1

    def reseed(self, seed: int) -> None:
        """Set the seed for faults that are switched on later."""
        self._seed = seed

    def active(self) -> list[Fault]:
        """The active faults, oldest first."""
        with self._lock:
            return list(self._faults)

    def refused(self, port: int) -> bool:
        """Whether the port of an endpoint must be closed."""
        return any(fault.kind == "refuse" and fault.endpoint in (None, port) for fault in self.active())

    def match_unread(self, port: int, method: str, path: str) -> Fault | None:
        """The fault that applies before a request is read, if any."""
        if not self._faults:
            return None
        now = self._clock.monotonic()
        with self._lock:
            for fault in self._faults:
                if fault.kind == "drop_before_read" and fault.matches(port, method, path, now):
                    return fault
        return None

    def match(self, port: int, method: str, path: str) -> MatchedFaults:
        """What applies to a request that has been read: every delay, and the first other fault."""
        if not self._faults:
            return MatchedFaults()
        now = self._clock.monotonic()
        delays: list[Fault] = []
        chosen: Fault | None = None
        with self._lock:
            for fault in self._faults:
                if fault.kind == "slow":
                    if fault.matches(port, method, path, now):
                        delays.append(fault)
                elif fault.kind not in ("refuse", "drop_before_read") and chosen is None:
                    chosen = fault if fault.matches(port, method, path, now) else None
        return MatchedFaults(tuple(delays), chosen)

    def _remove(self, chosen: Callable[[Fault], bool]) -> int:
        with self._lock:
            removed = [fault for fault in self._faults if chosen(fault)]
            self._faults = [fault for fault in self._faults if fault not in removed]
            if not self._faults:
                self._position = 0
        for fault in removed:
            fault.removed.set()
        self.on_change()
        return len(removed)
