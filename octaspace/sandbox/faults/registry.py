"""The switches of one sandbox: which faults are on, and what they make of each request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from ..clock import Clock
from ..datasets.rng import seeded_rng
from .kinds import Fault, make_fault


class MatchedFaults(NamedTuple):
    """What happens to one request: the delays first, then at most one fault."""

    delays: tuple[Fault, ...] = ()
    fault: Fault | None = None


class FaultRegistry:
    """The faults that are switched on. Safe to use from any thread."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed, self._clock = seed, clock
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._next_id = 1
        self._place = 0
        #: Called after every change, to open and close ports.
        self.on_change: Callable[[], None] = lambda: None

    def add(self, kind: str, endpoint: int | None = None, **options: Any) -> Fault:
        """Switch a fault on.

        Args:
            kind: One of `KINDS`, which says what each does.
            endpoint: Port of the endpoint it applies to; None for all of them.
            options: What `OPTIONS` lists for the kind; None for the default.

        Returns:
            The fault; its `id` switches it off again.

        Raises:
            FaultError: An option is unknown, not for this kind, or out of range.
        """
        return self.switch_on(make_fault(kind, endpoint, options))

    def switch_on(self, fault: Fault) -> Fault:
        """Switch on a fault that `make_fault` has checked, and give it its id and its random source."""
        with self._lock:
            fault.id = self._next_id
            self._next_id += 1
            # By place, not by id: on an emptied board the same switches fall the same way again.
            fault.rng = seeded_rng("fault", self._seed, self._place, fault.kind)
            self._place += 1
            self._faults.append(fault)
        self.on_change()
        return fault

    def remove_fault(self, fault_id: int) -> bool:
        """Switch one fault off, ending the delays and stalls it causes; False when there is no such fault."""
        return bool(self._remove(lambda fault: fault.id == fault_id))

    def remove_all(self, endpoint: int | None = None) -> int:
        """Switch every fault off, or those of one endpoint alone; how many there were."""
        return self._remove(lambda fault: endpoint is None or fault.endpoint == endpoint)

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
                self._place = 0
        for fault in removed:
            fault.removed.set()
        self.on_change()
        return len(removed)
