"""The sandbox behind a server that changes every string of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from octaspace.sandbox import ManualClock, SandboxApp
from octaspace.sandbox.http.gateway import make_environ, run_wsgi
from octaspace.sandbox.http.wire import Request
from octaspace.sandbox.world.world import World

from ..support.fault_server import Exchange, FaultServer, http

__all__ = ["AlteredApi"]

Alter = Callable[[str], str]


class AlteredApi:
    """A simulated API on its own port.

    Args:
        alter: Returns a replacement for each string of an answer, including the names of added members.
            Existing members keep their names, so that they are still read.
        number: Returns a replacement for each number.
        most: Maximum number of objects in a list; None for all.

    Attributes:
        clock: The clock of the simulated world, which stands still.
        server: The real server in front.
    """

    def __init__(
        self,
        alter: Alter,
        number: Callable[[float], Any] = lambda value: value,
        *,
        most: int | None = None,
    ) -> None:
        self.clock = ManualClock()
        self._app = SandboxApp(World(clock=self.clock, ready_after=0.0))
        self._alter, self._number, self._most = alter, number, most
        self.server = FaultServer(after=self._answer)

    @property
    def url(self) -> str:
        return self.server.url

    def _answer(self, exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        request = Request(arrival.method, arrival.path, dict(arrival.headers), arrival.body)
        answer = run_wsgi(self._app, make_environ(request, "127.0.0.1", self.server.port, "req-1"))
        headers = dict(answer.headers)
        body = answer.body
        if "json" in headers.get("Content-Type", ""):
            # Escaped, so that a lone surrogate can be sent.
            text = json.dumps(self._altered(json.loads(body))).replace("Infinity", "1e999")  # as JSON has it
            body = text.encode()
        headers["Content-Length"] = str(len(body))
        exchange.send(http(answer.status, body, headers))
        return arrival.headers.get("connection") != "close"

    def _altered(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._alter(value)
        if isinstance(value, list):
            objects = bool(value) and isinstance(value[0], dict)
            return [self._altered(entry) for entry in (value[: self._most] if objects else value)]
        if isinstance(value, dict):
            members = {name: self._altered(entry) for name, entry in value.items()}
            return {**members, self._alter("further"): self._alter("member")}
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._number(value)
        return value
