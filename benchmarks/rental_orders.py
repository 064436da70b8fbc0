"""What the owners of `benchmarks/reaper.py` are told to do, by a seed."""

from __future__ import annotations

import random
from signal import SIGCONT, SIGINT, SIGKILL, SIGSTOP
from typing import Any

from benchmarks.rental_world import SCENARIOS, SERVICES, World

__all__ = ["LEASE", "RECONCILE", "Orders"]

#: Seconds of the ledger's options.
LEASE = 2.0
RECONCILE = 3.0

#: Subkind and protocol of a VPN. With the node they tell the calls apart: a VPN carries no marker.
VPNS = [("wg", None), ("openvpn", None), ("ss", None), ("http_proxy", None),
        ("v2ray", "trojan"), ("v2ray", "vmess"), ("v2ray", "vless")]  # fmt: skip


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
            ("line", "time", "well", "raises", "interrupted", "suspended", "deadline"),
            (54, 12, 14, 4, 5, 5, 6),
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
        elif manner == "deadline":
            # Recorded by `create`: it outlives its process, and ends at its deadline.
            order["max_duration"] = LEASE
            order["signals"] = [(chance.uniform(0.05, 0.4), SIGKILL)]
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
