"""A hostile API: the sandbox's responses, each modified before it is sent.

Real responses of the whole API are modified, so that a caller gets as far as with the real one. They are
sent on a raw socket, because they include header fields, reason phrases and status lines that no HTTP
library sends.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from octaspace.sandbox import ManualClock
from octaspace.sandbox.api.app import SandboxApp
from octaspace.sandbox.http.gateway import make_environ, run_wsgi
from octaspace.sandbox.http.wire import Request
from octaspace.sandbox.world.world import World

from .fault_server import Arrival, Exchange, FaultServer

__all__ = ["LIES", "SPELLINGS", "HostileApi", "Lie", "Reply"]

Spelling = Callable[[str], str]


@dataclass
class Reply:
    """A response before it is sent. `Content-Length` is added at the end.

    Attributes:
        key: The key that the request came with; empty for one without.
        arrival: The request.
        status: Status code.
        reason: Reason phrase.
        headers: Header fields.
        body: The body.
        raw: Sent instead of all that if not None.
    """

    key: str
    arrival: Arrival
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    reason: str = "OK"
    raw: bytes | None = None

    @property
    def is_json(self) -> bool:
        return "json" in dict(self.headers).get("Content-Type", "")

    def replace_header(self, name: str, value: str) -> None:
        self.headers = [field for field in self.headers if field[0].lower() != name.lower()]
        self.headers.append((name, value))


Lie = Callable[[Reply], None]


@dataclass
class HostileApi:
    """Serves a sandbox's world on a port of the loopback interface, with each response modified.

    Attributes:
        lie: Modifies each response; a test may change it at any time.
        server: The real server behind it.
    """

    lie: Lie = lambda reply: None
    server: FaultServer = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(7, "default", 0.0, ManualClock())
        self._app = SandboxApp(self.world)
        self.server = FaultServer(after=self._answer)

    @property
    def url(self) -> str:
        return self.server.url

    def close(self) -> None:
        self.server.close()

    def __enter__(self) -> HostileApi:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _answer(self, exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        reply = self._honest(arrival)
        self.lie(reply)
        exchange.send(_written(reply) if reply.raw is None else reply.raw)
        return reply.raw is None and arrival.headers.get("connection") != "close"

    def _honest(self, arrival: Arrival) -> Reply:
        path, _, query = arrival.path.partition("?")
        request = Request(arrival.method, arrival.path, dict(arrival.headers), arrival.body)
        assert (request.path, request.query) == (path, query)
        answer = run_wsgi(self._app, make_environ(request, "127.0.0.1", 80, "req-00000001"))
        key = arrival.headers.get("authorization", "")
        headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
        return Reply(key, arrival, answer.status, headers, answer.body)


def _written(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if "content-length" not in {name.lower() for name, _ in reply.headers}:
        lines.append(f"Content-Length: {len(reply.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + reply.body


def _escaped(text: str) -> str:
    """The longest JSON escapes, as a marker that survives `json.dumps`; see `_in_values`."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


#: How a key may be written. What begins with ``json:`` is the text of a JSON string in the body.
SPELLINGS: dict[str, Spelling] = {
    "as it is": lambda key: json.dumps(key)[1:-1],
    "json: each character": _escaped,
    "json: the dashes": lambda key: json.dumps(key)[1:-1].replace("-", "\\u002D"),
    "json: the slashes": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "json in json": lambda key: json.dumps(_escaped(key))[1:-1],
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded twice": lambda key: quote(quote(key, safe=""), safe=""),
    "each character percent-encoded": lambda key: "".join(f"%{ord(character):02x}" for character in key),
    "as HTML": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in base64 behind a user": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "in base64 for URLs": lambda key: base64.urlsafe_b64encode(f"u:{key}:x".encode()).decode(),
    "its first half": lambda key: json.dumps(key[: max(12, len(key) // 2)])[1:-1],
    "its last half": lambda key: json.dumps(key[-max(12, len(key) // 2) :])[1:-1],
    "its first 12 characters": lambda key: json.dumps(key[:12])[1:-1],
    "its last 12 characters": lambda key: json.dumps(key[-12:])[1:-1],
    "in capitals": lambda key: json.dumps(key.upper())[1:-1],
}

_HERE = "\x02the key\x03"


def _changed(data: Any, change: Callable[[str], str], *, names: bool) -> Any:
    if isinstance(data, str):
        return data if names else change(data)
    if isinstance(data, dict):
        return {
            (change(name) if names else name): _changed(entry, change, names=names)
            for name, entry in data.items()
        }
    if isinstance(data, list):
        return [_changed(entry, change, names=names) for entry in data]
    return data


def _in_json(spelling: Spelling, change: Callable[[str], str], *, names: bool) -> Lie:
    def lie(reply: Reply) -> None:
        if reply.is_json and reply.key:
            text = json.dumps(_changed(json.loads(reply.body), change, names=names))
            reply.body = text.replace(json.dumps(_HERE)[1:-1], spelling(reply.key)).encode()

    return lie


def in_values(spelling: Spelling) -> Lie:
    """Every string of the response is the key."""
    return _in_json(spelling, lambda text: _HERE, names=False)


def at_end_of_values(spelling: Spelling) -> Lie:
    """Every string of the response ends with the key, so that ids, addresses and times cannot be parsed."""
    return _in_json(spelling, lambda text: f"{text} {_HERE}", names=False)


def in_names(spelling: Spelling) -> Lie:
    """Every object of the response has the key in its field names."""
    return _in_json(spelling, lambda text: f"{text}{_HERE}", names=True)


def in_a_new_field(spelling: Spelling) -> Lie:
    """Every object is unchanged except for an additional field with the key: all pages can be rendered."""

    def change(data: Any) -> Any:
        if isinstance(data, dict):
            return {**{name: change(entry) for name, entry in data.items()}, _HERE: [f"({_HERE})"]}
        return [change(entry) for entry in data] if isinstance(data, list) else data

    def lie(reply: Reply) -> None:
        if reply.is_json and reply.key:
            text = json.dumps(change(json.loads(reply.body)))
            reply.body = text.replace(json.dumps(_HERE)[1:-1], spelling(reply.key)).encode()

    return lie


def in_header(name: str, value: str = "{key}") -> Lie:
    """A header field contains the key."""

    def lie(reply: Reply) -> None:
        reply.replace_header(name, value.format(key=reply.key))

    return lie


def with_status(status: int, message: str = "no: {key}") -> Lie:
    """Every response is an error whose message, reason phrase and request id contain the key."""

    def lie(reply: Reply) -> None:
        reply.status, reply.reason = status, f"Because of {reply.key}"
        words = message.format(key=reply.key)
        reply.body = json.dumps({"error": words, "message": words, "code": reply.key}).encode()
        reply.headers = [("Content-Type", "application/json"), ("X-Request-Id", f"of-{reply.key}")]
        reply.headers += [
            ("Location", f"https://elsewhere.invalid/?k={reply.key}"),
            ("Retry-After", reply.key),
        ]

    return lie


def with_body(body: str, content_type: str, status: int = 200, encoding: str = "utf-8") -> Lie:
    """Every response is this text."""

    def lie(reply: Reply) -> None:
        reply.body = body.format(key=reply.key).encode(encoding)
        reply.status = status
        reply.replace_header("Content-Type", content_type.format(key=reply.key))

    return lie


def sent_raw(text: str) -> Lie:
    """These bytes are sent, and the connection is closed."""

    def lie(reply: Reply) -> None:
        reply.raw = text.format(key=reply.key).replace("\n", "\r\n").encode("latin-1")

    return lie


def _in_every_header(reply: Reply) -> None:
    names = ("Server", "Date", "Via", "ETag", "Cache-Control", "X-Request-Id", "Request-Id", "Warning")
    for name in (*names, "WWW-Authenticate", "Location", "Retry-After", "Link", "X-Correlation-Id"):
        reply.replace_header(name, reply.key)
    reply.headers.append(("Set-Cookie", f"k={reply.key}; Path=/"))
    reply.headers.append((f"X-{reply.key.replace('/', '-').replace('+', '-')}", "1"))
    reply.reason = reply.key


def _content_encoding(reply: Reply) -> None:
    reply.replace_header("Content-Encoding", reply.key)


def in_files(reply: Reply) -> None:
    """A downloaded file contains the key in the middle and at the end."""
    if "octet-stream" in dict(reply.headers).get("Content-Type", ""):
        reply.body += f" {reply.key} and {SPELLINGS['in base64'](reply.key)} {reply.key}".encode()


_HTML = "<!DOCTYPE html><title>{key}</title><p>Sorry, <a href='/?{key}'>{key}</a></p>"

#: Every way of sending the key back, by name.
LIES: dict[str, Lie] = {
    **{f"every text: {name}": in_values(spelling) for name, spelling in SPELLINGS.items()},
    **{f"a new field: {name}": in_a_new_field(spelling) for name, spelling in SPELLINGS.items()},
    "beside every text": at_end_of_values(SPELLINGS["json: each character"]),
    "names of fields": in_names(SPELLINGS["json: the dashes"]),
    "every header field": _in_every_header,
    "files": in_files,
    "the content type": in_header("Content-Type"),
    "a JSON content type": in_header("Content-Type", "application/json; charset={key}"),
    "the content encoding": _content_encoding,
    "the transfer encoding": in_header("Transfer-Encoding"),
    "the content length": in_header("Content-Length"),
    "the connection field": in_header("Connection"),
    **{
        f"status {status}": with_status(status)
        for status in (301, 304, 400, 401, 402, 403, 404, 407, 408, 409, 410, 418, 422, 429, 500, 502, 503)
    },
    "a long error": with_status(422, "x" * 290 + "{key}"),
    "a page": with_body(_HTML, "text/html"),
    "a page in UTF-16": with_body(_HTML, "text/html; charset=utf-16", encoding="utf-16"),
    "a page of a proxy": with_body(_HTML, "text/html", 502),
    "text": with_body("it is {key}", "text/plain"),
    "text with 500": with_body("it is {key}", "text/plain", 500),
    "broken JSON": with_body('{{"a": "{key}', "application/json"),
    "a bare text in JSON": with_body('"{key}"', "application/json"),
    "no HTTP": sent_raw("{key} is what you sent\n\n"),
    "a version": sent_raw("HTTP/{key} 200 OK\n\n"),
    "a status": sent_raw("HTTP/1.1 {key} OK\n\n"),
    "a line that is not a field": sent_raw("HTTP/1.1 200 OK\n{key}\nContent-Length: 2\n\n{{}}"),
    "a folded field": sent_raw("HTTP/1.1 200 OK\nX-A: b\n {key}\nContent-Length: 2\n\n{{}}"),
    "a chunk's size": sent_raw("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n{key}\n{{}}\n0\n\n"),
    "a chunk's extension": sent_raw(
        "HTTP/1.1 200 OK\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n2;{key}\n[]\n0\n\n"
    ),
    "a trailer": sent_raw(
        "HTTP/1.1 200 OK\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n"
        "2\n[]\n0\nX-A: {key}\n\n"
    ),
}
