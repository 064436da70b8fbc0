"""Servers, observers and figures for tests of the cache."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

import octaspace
from octaspace import Client, Request
from tests.support.fault_server import Exchange, FaultServer, http
from tests.support.waiting import until

LIST = Request("GET", "/services/mr", expects="json", cacheable=True)
HTML = {"Content-Type": "text/html"}


def numbered(exchange: Exchange) -> bool:
    """Answer with a list that contains the number of the request."""
    if exchange.read_request() is None:
        return False
    exchange.send(http(body=json.dumps([len(exchange.server.journal)]).encode()))
    return True


class Held:
    """Holds each request until the test says how it is answered.

    Attributes:
        arrived: Released once for each request.
    """

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self._replies: queue.Queue[bytes | None] = queue.Queue()

    def reply(self, data: Any = None, *, status: int = 200, **headers: str) -> None:
        self._replies.put(
            http(status, json.dumps(data).encode(), {k.replace("_", "-"): v for k, v in headers.items()})
        )

    def hang_up(self) -> None:
        self._replies.put(None)

    def arrives(self) -> None:
        assert self.arrived.acquire(timeout=20), "no request has arrived"

    def __call__(self, exchange: Exchange) -> bool:
        if exchange.read_request() is None:
            return False
        self.arrived.release()
        data = self._replies.get(timeout=60)
        if data is not None:
            exchange.send(data)
        return data is not None


class Events(octaspace.Observer):
    """Collects how calls ended."""

    def __init__(self) -> None:
        self.finished: list[octaspace.CallFinished] = []

    def call_finished(self, event: octaspace.CallFinished) -> None:
        self.finished.append(event)


def taking_part(client: Client) -> int:
    """How many callers are in flights."""
    flights = dict(client._transport.cache.flights._flights)
    return sum(len(flight.callers) for flight in flights.values())


def waiting(client: Client, number: int) -> None:
    """Wait until that many calls wait for the request of another one."""
    until(lambda: taking_part(client) == number + 1)


def offers(client: Client) -> Any:
    return client.services.mr.list().data


def paths(server: FaultServer) -> list[str]:
    return [arrival.path for arrival in server.journal]


def cache_of(client: Client) -> dict[str, int]:
    stats: dict[str, int] = client.transport_stats()["cache"]
    return stats
