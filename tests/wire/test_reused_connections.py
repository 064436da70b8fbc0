"""A request on an idle connection takes few steps. What is sent and what comes back is the same."""

from __future__ import annotations

import http.client
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3
import wrapt
from urllib3.util.request import SKIP_HEADER

import octaspace
from octaspace import Client, Request
from octaspace.transport import reused_connection
from octaspace.transport.sent_headers import SentHeaders
from tests.support.fault_server import FaultServer, answer, echo, raw

from .conftest import ClientFactory, ServerFactory
from .faults import FAULTS
from .requests_to_send import CHANGE, READ, REBOOT

REQUESTS = [
    READ,
    CHANGE,
    Request("DELETE", "/services/s"),
    Request("PATCH", "/nodes/1", body={"ä": "€"}),
    Request("GET", "/offers", params={"q": "a b/ä&c", "empty": ""}),
    Request("GET", "/x?"),
    Request("GET", "/x?y=1", params={"a": "1"}),
    Request("GET", "/files/a%20b%2fc"),
    Request("GET", "/a;b=c,d/(e)'f*g!h$@:~"),
    Request("GET", "/two//slashes/..a"),
    Request("HEAD", "/nodes"),
    Request("GET", "/network", public=True),
]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The way that each request took."""
    taken: list[str] = []
    reuse = reused_connection.reuse

    def observed(*args: Any) -> Any:
        taken.append("few")
        response = reuse(*args)
        if response is None:
            taken[-1] = "usual"
        return response

    monkeypatch.setattr("octaspace.transport.connection_pool.reuse", observed)
    return taken


def usual_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused_connection, "_is_watched", lambda: True)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{request.method} {request.path}")
@pytest.mark.parametrize("options", [{}, {"user_agent": "Agent/1 (ü)"}, {"total_timeout": 30}])
def test_the_same_bytes_are_sent(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, request_: Request,
    options: dict[str, Any],
) -> None:  # fmt: skip
    server = serve(after=echo if request_.method != "HEAD" else answer(body=b""))
    client = connect(server, base_url=f"{server.url}/v1/%C3%BC", **options)
    for _ in range(3):
        client.send(request_)
    usual_steps(monkeypatch)
    client.send(request_)
    assert {arrival.connection for arrival in server.journal} == {1}
    assert len({(arrival.head, arrival.body) for arrival in server.journal}) == 1


def test_most_requests_take_few_steps(serve: ServerFactory, connect: ClientFactory, steps: list[str]) -> None:
    client = connect(serve(after=echo))
    client.send(READ)
    sent = [request for request in REQUESTS if request.method != "HEAD"]
    for request in sent:
        client.send(request)
    # urllib3 writes percent-encodings in capital letters.
    assert steps == ["usual", *("usual" if "%2f" in request.path else "few" for request in sent)]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"X-A: b\r\n c\r\n", {"X-A": "b c"}),
        (b"X-A: b \t\r\nx-a: c\r\n", {"X-A": "b \t, c"}),
        (b"X-A:\r\n", {"X-A": ""}),
        (b"X-A: \xe4\r\n", {"X-A": "\xe4"}),
        (b"X-A: b\r\n \r\nX-B: c\r\n", {"X-A": "b ", "X-B": "c"}),
        (b"Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n", {"Set-Cookie": "a=b, c=d"}),
    ],
)
def test_header_fields_are_the_same(
    serve: ServerFactory, connect: ClientFactory, sent: bytes, seen: dict[str, str]
) -> None:
    response = raw(b"HTTP/1.1 200 OK\r\n" + sent + b"Content-Length: 2\r\n\r\n{}", then="keep")
    client = connect(serve(after=response))
    for _ in range(2):
        headers = client.send(READ).headers
        assert {name: headers[name] for name in seen} == seen


@pytest.mark.parametrize(
    ("sent", "connection"),
    [
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", 1),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n", 2),
        (b"HTTP/1.0 200 OK\r\n", 2),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", 2),
    ],
)
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_connections_end_as_the_response_says(
    serve: ServerFactory, connect: ClientFactory, sent: bytes, connection: int, reused: bool
) -> None:
    response = raw(sent + b"Content-Length: 2\r\n\r\n{}", then="keep")
    client = connect(serve(*([echo] if reused else []), response, after=echo))
    if reused:
        client.send(READ)
    client.send(READ)
    assert client.send(READ).data["connection"] == connection


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_faults(serve: ServerFactory, connect: ClientFactory, steps: list[str], fault: str) -> None:
    behaviour, kind = FAULTS[fault]
    server = serve(echo, behaviour, after=answer({"fine": True}))
    client = connect(server, read_timeout=0.1 if kind is octaspace.TimeoutError else 30)
    client.send(READ)
    with pytest.raises(kind, match="may have taken effect") as caught:
        client.send(REBOOT)
    assert caught.value.outcome_unknown
    assert len(server.journal) <= 2
    assert steps == ["usual", "few"]
    assert client.send(READ).data == {"fine": True}


@pytest.mark.parametrize(
    "fault", ["chunk size below zero", "body cut short", "two lengths", "no HTTP at all"]
)
def test_messages_are_the_same(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    server: FaultServer = serve(echo, FAULTS[fault][0], echo, FAULTS[fault][0])

    def message() -> str:
        client: Client = connect(server)
        client.send(READ)
        with pytest.raises(octaspace.ConnectionError) as caught:
            client.send(CHANGE)
        return str(caught.value)

    few = message()
    usual_steps(monkeypatch)
    assert message() == few


def test_a_change_that_is_refused_while_it_is_sent(serve: ServerFactory, connect: ClientFactory) -> None:
    body = {"image": "x" * 8_000_000}

    def refuse(exchange: Any) -> bool:
        exchange.sock.recv(1000)
        exchange.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return False

    client = connect(serve(echo, refuse, after=echo))
    client.send(READ)
    with pytest.raises((octaspace.ApiError, octaspace.ConnectionError)):
        client.send(Request("POST", "/services/mr", body=body))
    assert client.send(READ).data["connection"] == 2


WRAPPED = [
    (urllib3.HTTPConnectionPool, "urlopen"),
    (urllib3.HTTPSConnectionPool, "urlopen"),
    (urllib3.connection.HTTPSConnection, "request"),
    (urllib3.connection.HTTPSConnection, "getresponse"),
    (urllib3.connection.HTTPConnection, "request"),
    (urllib3.connection.HTTPConnection, "getresponse"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "putheader"),
    (http.client.HTTPConnection, "endheaders"),
    (http.client.HTTPConnection, "getresponse"),
]


@pytest.mark.parametrize(("kind", "name"), WRAPPED, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("by_wrapt", [False, True], ids=["function", "wrapt"])
def test_a_library_that_wraps_a_step_sees_every_request(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path], kind: type, name: str, by_wrapt: bool,
) -> None:  # fmt: skip
    secure = "HTTPS" in kind.__name__
    client = connect(serve(after=echo, tls=tls if secure else None), ssl_verify=authority[1])
    client.send(READ)
    original: Callable[..., Any] = getattr(kind, name)
    seen = []

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(name)
        return original(self, *args, **kwargs)

    def by_wrapper(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(name)
        return wrapped(*args, **kwargs)

    # wrapt's is equal to what it wraps, and has its attributes.
    monkeypatch.setattr(kind, name, wrapt.FunctionWrapper(original, by_wrapper) if by_wrapt else wrapper)
    client.send(READ)
    once = len(seen)
    assert once
    client.send(READ)
    assert len(seen) == 2 * once
    monkeypatch.undo()
    client.send(READ)
    assert len(seen) == 2 * once


def test_urllib3_logs_every_request_when_it_is_asked_to(
    serve: ServerFactory, connect: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(serve(after=echo))
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    for _ in range(3):
        client.send(READ)
    assert len([line for line in caplog.messages if '"GET /nodes HTTP/1.1" 200' in line]) == 3


def test_no_verification_warns_of_every_request(
    serve: ServerFactory, connect: ClientFactory, tls: Any, steps: list[str]
) -> None:
    client = connect(serve(after=echo, tls=tls), ssl_verify=False)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        client.send(READ)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        assert client.send(READ).data["connection"] == 1
    assert steps == ["usual", "usual"]


def test_header_fields_that_a_tracer_adds_are_sent(
    serve: ServerFactory, connect: ClientFactory, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(after=echo)
    client = connect(server)
    session = client._transport.pools.session
    send = session.send
    values: list[Any] = ["00-1-01", "00-2-01", b"00-3-01"]

    def traced(request: Any, **options: Any) -> Any:
        request.headers["TraceParent"] = values.pop(0)
        if not values:
            request.headers[b"X-Name"] = "of bytes"
        return send(request, **options)

    monkeypatch.setattr(session, "send", traced)
    for _ in range(3):
        client.send(READ)
    assert [arrival.headers["traceparent"] for arrival in server.journal] == ["00-1-01", "00-2-01", "00-3-01"]
    assert steps == ["usual", "few", "usual"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "other.example"),
        ("Transfer-Encoding", "identity"),
        ("User-Agent", SKIP_HEADER),
        ("X-A", "b\r\nX-Injected: c"),
        ("X A", "b"),
        ("X-A", "\u20ac"),
    ],
)
def test_header_fields_that_need_the_checks_of_http_client(
    serve: ServerFactory, connect: ClientFactory, steps: list[str], monkeypatch: pytest.MonkeyPatch,
    name: str, value: str,
) -> None:  # fmt: skip
    server = serve(after=echo)
    client = connect(server, max_retries=0)
    client.send(READ)
    session = client._transport.pools.session
    send = session.send

    def traced(request: Any, **options: Any) -> Any:
        request.headers[name] = value
        return send(request, **options)

    monkeypatch.setattr(session, "send", traced)
    with suppress(octaspace.Error, ValueError):
        client.send(READ)
    assert steps == ["usual", "usual"]
    assert all("x-injected" not in arrival.headers for arrival in server.journal)


@pytest.mark.parametrize("calls", [2, 3])
@pytest.mark.parametrize("change", ["body", "User-Agent"])
def test_requests_that_a_tracer_leaves_incomplete_take_the_usual_steps(
    serve: ServerFactory, connect: ClientFactory, steps: list[str], monkeypatch: pytest.MonkeyPatch,
    change: str, calls: int,
) -> None:  # fmt: skip
    client = connect(serve(after=echo), max_retries=0, read_timeout=0.2)
    for _ in range(calls - 1):
        client.send(CHANGE)
    session = client._transport.pools.session
    send = session.send

    def traced(request: Any, **options: Any) -> Any:
        if change == "body":
            request.body += b" "  # its header field has the length before
        else:
            del request.headers[change]  # urllib3 adds its own
        return send(request, **options)

    monkeypatch.setattr(session, "send", traced)
    with suppress(octaspace.Error):
        client.send(CHANGE)
    assert steps == ["usual", *["few"] * (calls - 2), "usual"]


def test_sent_header_fields_are_a_mapping_that_ignores_case_and_shows_no_key() -> None:
    fields = SentHeaders({"Authorization": "sk-secret", "Accept": "a"})
    twin = fields.clone()
    twin["AUTHORIZATION"] = "other"
    del twin["accept"]
    assert dict(twin) == {"AUTHORIZATION": "other"}
    assert fields == {"Authorization": "sk-secret", "Accept": "a"}
    assert (fields["authorization"], len(fields), "ACCEPT" in fields) == ("sk-secret", 2, True)
    assert "sk-secret" not in repr(fields)
