"""The account's own nodes: hardware, prices, reboots, and their JSON."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ..datasets.catalogue import CPUS, GPUS, PLACES
from ..datasets.rng import seeded_rng

GIB = 2**30


@dataclass
class Node:
    """One node. Payload parts are never changed in place, only replaced, so that answers may share them."""

    id: int
    #: None for an answer without it (Q25).
    state: str | None
    ip: str
    agent: str
    verified: str
    #: Monotonic second at which the uptime was 0.
    booted: float
    location: dict[str, Any]
    location_more: dict[str, Any]
    prices: dict[str, Any]
    hardware: dict[str, Any]
    memory: dict[str, int]
    software: dict[str, Any]
    reliability: dict[str, Any]
    features: list[str]
    #: Monotonic second at which a reboot ends; None when the node does not reboot.
    back_at: float | None = None

    def settle(self, now: float) -> None:
        """Finish a reboot that has ended by `now`."""
        if self.back_at is not None and now >= self.back_at:
            self.booted, self.back_at = self.back_at, None

    def reboot(self, now: float, seconds: float) -> None:
        """Go offline until `now + seconds`; the former state comes back with an uptime of 0."""
        self.back_at = now + seconds

    def visible_state(self) -> str | None:
        return self.state if self.back_at is None else "offline"

    def uptime(self, now: float) -> int:
        """Seconds since the last start, 0 while offline."""
        return 0 if self.visible_state() == "offline" else max(0, int(now - self.booted))

    def listed(self, now: float) -> dict[str, Any]:
        """The entry of GET /nodes: hardware under `system`, prices, memory as {free, size} (Q7)."""
        return self._stated() | {
            "ip": self.ip,
            "osn": self.agent,
            "uptime": self.uptime(now),
            "vrf_dt": self.verified,
            "location": self.location,
            "prices": self.prices,
            "system": {**self.hardware, "memory": self.memory},
        }

    def _stated(self) -> dict[str, Any]:
        state = self.visible_state()
        return {"id": self.id} if state is None else {"id": self.id, "state": state}

    def detail(self, now: float) -> dict[str, Any]:
        """The answer of GET /nodes/{id}: hardware under `data`, memory by other names, no prices (Q7)."""
        size, free = self.memory["size"], self.memory["free"]
        memory = {
            "total_memory": size,
            "free_memory": free,
            "available_memory": free + size // 4,
            "cached_memory": size // 5,
            "buffered_memory": size // 64,
            "total_swap": 8 * GIB,
            "free_swap": 8 * GIB,
        }
        return self._stated() | {
            "ip": self.ip,
            "vrf_dt": self.verified,
            "location": {**self.location, **self.location_more},
            "reliability": self.reliability,
            "features": self.features,
            "data": {
                **self.hardware,
                **self.software,
                "memory": memory,
                "version": self.agent,
                "uptime": self.uptime(now),
            },
        }

    def ident(self) -> bytes:
        """The identity file: bytes that are not text in any encoding."""
        return b"\x89OCTA\r\n\x1a\n" + seeded_rng("ident", self.id).randbytes(2048)

    def log(self) -> bytes:
        """The node's own log, about a quarter of a megabyte, so that a download has progress to show."""
        source = seeded_rng("log", self.id)
        words = (
            "job accepted",
            "heartbeat",
            "image cached",
            "temperature ok",
            "peer connected",
            "speed test",
        )
        lines = (
            f"{line:06d} node {self.id} {source.choice(words)} in {source.randint(1, 900)} ms"
            for line in range(6000)
        )
        return ("\n".join(lines) + "\n").encode()


def make_gpu(source: random.Random, model: str, memory_mb: int, index: int) -> dict[str, Any]:
    """One GPU with all its gauges."""
    return {
        "model": model,
        "mem_total_mb": memory_mb,
        "mem_free_mb": memory_mb - source.randint(100, memory_mb // 6),
        "idx": index,
        "bus_id": f"0000:{index + 1:02x}:00.0",
        "pcie_link_gen": 4,
        "pcie_link_width": 16,
        "gpu_utilization": source.randint(0, 99),
        "gpu_temperature": source.randint(31, 74),
        "fan_speed": source.randint(20, 80),
        "power_limit_watt": 350,
        "power_limit_default_watt": 450,
        "pstate": "P2",
    }


def make_reliability(source: random.Random) -> dict[str, Any]:
    """The reliability block of a node or an offer."""
    uptime = round(source.uniform(90, 99.9), 2)
    return {
        "uptime": uptime,
        "stability": round(uptime - source.uniform(0, 5), 2),
        "s_avg_d": source.randint(9_000, 90_000),
        "s_max_d": source.randint(200_000, 800_000),
        "s_normal": source.randint(40, 900),
        "s_failed": source.randint(0, 9),
        "rating": {"count": source.randint(1, 60), "score": round(source.uniform(3.4, 5), 1)},
    }


def make_nodes(source: random.Random, count: int, now: float) -> list[Node]:
    """`count` nodes with ids from 9001; the fifth is offline, the third busy, and so on around."""
    states = ("online", "online", "busy", "online", "offline", "online", "online", "online", "busy", "online",
              "offline", "online", "blocked", "online")  # fmt: skip
    return [_make_node(source, number, states[number % len(states)], now) for number in range(count)]


def _make_node(source: random.Random, number: int, state: str, now: float) -> Node:
    place, cpu = PLACES[number % len(PLACES)], CPUS[number % len(CPUS)]
    gpu, gpus = GPUS[number % len(GPUS)], (1, 2, 4, 8, 1, 8, 6, 0)[number % 8]
    # One of the three networks that are set aside for documentation, 240 addresses of each.
    network = ("203.0.113", "198.51.100", "192.0.2")[number // 240 % 3]
    ip = f"{network}.{10 + number % 240}"
    size = (64 + 64 * (number % 4)) * GIB
    location: dict[str, Any] = {"city": place.city, "country": place.country}
    if number % 14 != 13:  # One in fourteen has no place on the map.
        location |= {"latitude": place.latitude, "longitude": place.longitude}
    return Node(
        id=9001 + number,
        state=state,
        ip=ip,
        agent="2.4.1" if number % 5 else "2.3.9",
        verified="2026-11-20T08:15:00Z",
        booted=now - (1234 + 86_400 * (number % 40 + 1)),
        location=location,
        location_more={
            "isocode": place.iso,
            "continent": place.continent,
            "continentcode": place.continent_code,
            "hostname": f"host-{10 + number}.example.net",
            "ip": ip,
            "organisation": "Example Hosting GmbH",
            "provider": "Example Hosting GmbH",
            "type": "hosting",
            "risk": 0,
        },
        prices={
            # Integers of 64 bits, as the Go client reads them; the loose data set has the other shapes (Q8).
            "base": 10**18 + number % 16 * 5 * 10**17,
            "storage": 10**15,
            "traffic": 5 * 10**14,
        },
        hardware={
            "arch": "x86_64",
            "cpu_cores": cpu.cores,
            "cpu_load_percent": round(source.uniform(1, 95), 1),
            "cpu_model_name": cpu.model,
            "os_version": "Ubuntu 22.04",
            "disk": {
                "free": 500_000_000_000 + 100_000_000_000 * (number % 12),
                "size": 2_000_000_000_000,
                "used_percent": round(100 * (1 - (5 + number % 12) / 20), 1),
            },
            "gpus": [make_gpu(source, gpu.model, gpu.memory_mb, index) for index in range(gpus)],
        },
        memory={"free": size // 3, "size": size},
        software={
            "cpu_vendor_id": cpu.vendor,
            "cuda_version": "12.8",
            "kernel_version": "6.8.0-45-generic",
            "linux_distro": "ubuntu",
            "linux_release": "22.04",
            "is_hive_os": False,
            "is_wsl": number % 9 == 8,
            "virt": "none",
            "gpu_pt": False,
            "gpu_vendor": "nvidia" if gpus else "none",
            "gpu_driver_version": "570.86",
        },
        reliability=make_reliability(source),
        features=["gpu", "nvme", "vpn"] if gpus else ["nvme", "vpn"],
    )
