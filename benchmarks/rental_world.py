"""The simulated API of `benchmarks/reaper.py`: endpoints that fail, and what was made."""

from __future__ import annotations

import threading
from typing import Any

from octaspace.sandbox import FaultKind, SandboxServer

__all__ = ["SCENARIOS", "SERVICES", "World"]

#: How the endpoints behave that a call uses, and how often.
SCENARIOS = {"mixed": 12, "lost": 4, "unmade": 2, "stop fails": 2}

SERVICES = ("mr", "vpn", "render")


#: Faults of requests that change something, and the share of each.
_FAULTS: dict[FaultKind, float] = {
    "drop_after_read": 0.06,
    "drop_before_read": 0.04,
    "reset": 0.03,
    "stall": 0.02,
    "truncate": 0.02,
    "garbage": 0.02,
    "html": 0.02,
}


class World:
    """The simulated API with its failing endpoints.

    Args:
        seed: Of its data and its faults.
    """

    def __init__(self, seed: int) -> None:
        # Two endpoints that fail now and then, and one for each other scenario. Nothing gets ready and
        # costs money: the account must not run out of it.
        self.server = SandboxServer(ports=(0,) * 5, seed=seed, ready_after=3600)
        self._ended = threading.Event()
        self._seen: dict[str, Any] = {}
        self._first: set[str] = set()
        self._refusing: threading.Thread | None = None

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
            for kind, share in _FAULTS.items():
                add(kind, port, methods=["POST"], path="/services/*", probability=share)
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
        if self._refusing is not None:
            self._refusing.join()
        self.server.stop()
