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


def _answer(body: bytes) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", "X-Request-Id: r-1",
             f"Content-Length: {len(body)}", "", "")  # fmt: skip
    return "\r\n".join(lines).encode() + body


_ANSWERS = {b"GET /accounts/balance ": _answer(_SMALL), b"POST /services/mr ": _answer(_CREATED),
            b"GET /nodes ": _answer(_nodes())}  # fmt: skip


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
