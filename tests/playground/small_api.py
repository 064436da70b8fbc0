"""An API of a few answers, made up by a test: for shapes of answers that the sandbox does not have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..support.fault_server import Arrival, Exchange, FaultServer, http

__all__ = ["HTML", "Answer", "SmallApi"]

#: A maintenance page, as something in front of the API may answer in its place.
HTML = b"<!DOCTYPE html><title>Maintenance</title><h1>Back soon</h1>"


@dataclass(frozen=True)
class Answer:
    """An answer that is not JSON with 200.

    Attributes:
        body: As it is sent.
        status: HTTP status.
        content_type: What it says it is.
        request_id: The API's id of the request; empty for none.
    """

    body: bytes = HTML
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    request_id: str = ""


@dataclass
class SmallApi:
    """Answers by method and path; what it does not know is 404.

    Attributes:
        answers: JSON, or an `Answer`, by ``"GET /network"``. A test may change it at any time.
        server: The real server behind it.
    """

    answers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = FaultServer(after=self._answer)

    @property
    def url(self) -> str:
        return self.server.url

    def arrived(self, method: str = "") -> list[Arrival]:
        """The requests so far, of one method or of all."""
        return [arrival for arrival in self.server.journal if method in ("", arrival.method)]

    def bodies(self, path: str) -> list[Any]:
        """What was posted to a path."""
        return [json.loads(arrival.body) for arrival in self.arrived("POST") if arrival.path == path]

    def _answer(self, exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        asked = f"{arrival.method} {arrival.path.partition('?')[0]}"
        found = self.answers.get(asked, Answer(b'{"error": "not found"}', 404, "application/json"))
        if not isinstance(found, Answer):
            found = Answer(json.dumps(found).encode(), 200, "application/json")
        headers: dict[str, str] = {"Content-Type": found.content_type}
        if found.request_id:
            headers["X-Request-Id"] = found.request_id
        exchange.send(http(found.status, found.body, headers))
        return arrival.headers.get("connection") != "close"
