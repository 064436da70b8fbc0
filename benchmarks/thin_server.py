"""A minimal server, so that the measured time is mostly that of the client.

python -m benchmarks.thin_server     prints its port and serves until its standard input is closed
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

_SMALL = b'{"balance":1234567890123456789012}'
_CREATED = b'[{"uuid":"5dd2d308-db91-4bda-86ff-e512d711b301"}]'


def _nodes() -> bytes:
    """700 nodes in the API's shape, 1.2 MB."""
    gpu = {"model": "NVIDIA GeForce RTX 5090", "mem_total_mb": 32607, "gpu_utilization": 12.5,
           "gpu_temperature": 56.0, "bus_id": "0000:01:00.0", "pcie_link_gen": 4,
           "power_limit_watt": 575.0}  # fmt: skip
    nodes = [
        {
            "id": 9001 + number,
            "ip": f"203.0.113.{number % 250}",
            "state": "online",
            "osn": "2.4.1",
            "uptime": 87634 + number,
            "vrf_dt": "2026-11-20T08:15:00Z",
            "location": {"city": "Frankfurt", "country": "Germany", "latitude": 50.11, "longitude": 8.68},
            "prices": {"base": 10**18 + number, "storage": 10**15, "traffic": 5 * 10**14},
            "system": {
                "arch": "x86_64",
                "cpu_cores": 32,
                "cpu_load_percent": 29.1,
                "cpu_model_name": "AMD EPYC 7543 32-Core Processor",
                "os_version": "Ubuntu 22.04",
                "disk": {"free": 5 * 10**11, "size": 2 * 10**12, "used_percent": 10.6},
                "gpus": [gpu] * 6,
                "memory": {"free": 2 * 10**10, "size": 64 * 10**9},
            },
        }
        for number in range(700)
    ]
    return json.dumps(nodes, separators=(",", ":")).encode()


def _offers() -> bytes:
    """700 machines on offer in the API's shape, 1.2 MB."""
    offers = [
        {
            "node_id": 9101 + number,
            "country": "Germany",
            "country_iso": "DE",
            "city": "Frankfurt",
            "cpu_model_name": "AMD EPYC 7543 32-Core Processor",
            "cpu_cores": 32,
            "cpu_speed": 3400,
            "cpu_vendor_id": "AuthenticAMD",
            "total_memory": 68719476736,
            "memory_type": "DDR5",
            "memory_speed": 4800,
            "free_disk": 3 * 10**11,
            "arch": "x86_64",
            "os_version": "Ubuntu 22.04",
            "cuda_version": "12.8",
            "gpus": [{"model": "NVIDIA GeForce RTX 5090", "mem_total_mb": 32607}] * 8,
            "gpu": "NVIDIA GeForce RTX 5090",
            "is_has_gpu": True,
            "is_hive_os": False,
            "is_wsl": False,
            "virt": "none",
            "ai_score": 1000,
            "blender_score": 900,
            "blender_cuda_score": 880,
            "net_down_mbits": 790761951,
            "net_up_mbits": 458354868,
            "total_price_usd": 0.4 + number / 1000,
            "total_price_wei": 7437 * 10**15 + number,
            "total_price_ether": 7.437,
            "base": 7437 * 10**15 + number,
            "base_ether": 7.437,
            "base_usd": 7735,
            "storage": 10**15,
            "storage_ether": 0.001,
            "storage_usd": 1,
            "traffic": 5 * 10**14,
            "traffic_ether": 0.0005,
            "traffic_usd": 1,
            "reliability": 99.5,
            "features": ["gpu", "nvme"],
            "available_ports": 16,
            "ports": list(range(40000, 40050)),
        }
        for number in range(700)
    ]
    return json.dumps(offers, separators=(",", ":")).encode()


def _answer(body: bytes) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", "X-Request-Id: r-1",
             f"Content-Length: {len(body)}", "", "")  # fmt: skip
    return "\r\n".join(lines).encode() + body


_ANSWERS = {b"GET /accounts/balance ": _answer(_SMALL), b"POST /services/mr ": _answer(_CREATED),
            b"GET /nodes ": _answer(_nodes()), b"GET /services/mr ": _answer(_offers())}  # fmt: skip


class _Thin(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            whole = end + 4 + _length(head)
            if len(self._buffer) < whole:
                return
            self._buffer = self._buffer[whole:]
            method_and_path = head[: head.index(b" ", head.index(b" ") + 1) + 1]
            self._transport.write(_ANSWERS[method_and_path])
            if b"onnection: close" in head:
                self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r", 1)[0])


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Thin, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
