"""A behaviour of the fault server that holds requests until it is opened."""

from __future__ import annotations

import threading

from .fault_server import Exchange, http


class Gate:
    """Holds every request until it is opened.

    Attributes:
        arrived: Released once for each request that is held.
    """

    def __init__(self) -> None:
        self._opened = threading.Event()
        self.arrived = threading.Semaphore(0)

    def open(self) -> None:
        self._opened.set()

    def __call__(self, exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        self.arrived.release()
        self._opened.wait(30)
        exchange.send(http())
        return arrival.headers.get("connection") != "close"
