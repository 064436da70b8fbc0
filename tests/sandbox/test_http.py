"""The sandbox as an HTTP/1.1 server: connections, methods, paths, and malformed requests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.http.wire import MAX_BODY, MalformedError, Reader

from ..support.waiting import until
from .api import Api
from .raw_client import RawClient


def test_a_connection_is_kept_for_the_next_request(sandbox: SandboxServer, raw: RawClient) -> None:
    ids = []
    for _ in range(3):
        raw.request("GET /network")
        answer = raw.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")
        ids.append(answer.headers["x-request-id"])
    assert [(entry.connection, entry.number) for entry in sandbox.journal.entries()] == [
        (1, 1),
        (1, 2),
        (1, 3),
    ]
    assert ids == [entry.request_id for entry in sandbox.journal.entries()]
    assert len(set(ids)) == 3
    [first, _] = sandbox.endpoints()
    assert (first["accepted"], first["connections"]) == (1, 1)


def test_requests_sent_ahead_are_answered_in_order(raw: RawClient) -> None:
    one = b"GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: k\r\n\r\n"
    raw.send(one % b"/accounts" + one % b"/nowhere" + b"\r\n" + one % b"/network")
    assert [raw.answer().status for _ in range(3)] == [200, 404, 200]


def test_a_request_may_arrive_byte_by_byte(raw: RawClient) -> None:
    body = b'{"base": 5}'
    text = (
        b"\r\nPATCH /nodes/9001/prices HTTP/1.1\r\nHost: localhost\r\nAuthorization: k\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    for byte in text + body:
        raw.send(bytes([byte]))
    assert raw.answer().json()["prices"]["base"] == 5


@pytest.mark.parametrize(
    ("version", "header", "kept"),
    [
        ("HTTP/1.1", "", True),
        ("HTTP/1.1", "Connection: close\r\n", False),
        ("HTTP/1.0", "", False),
        ("HTTP/1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_the_client_says_whether_the_connection_is_kept(
    raw: RawClient, version: str, header: str, kept: bool
) -> None:
    raw.send(f"GET /network {version}\r\nHost: localhost\r\n{header}\r\n".encode())
    assert raw.answer().headers["connection"] == ("keep-alive" if kept else "close")
    if kept:
        raw.request("GET /network")
        assert raw.answer().status == 200
    else:
        assert raw.rest() == b""


def test_head_is_get_without_a_body(raw: RawClient) -> None:
    raw.request("GET /apps")
    length = raw.answer().headers["content-length"]
    raw.request("HEAD /apps")
    answer = raw.answer(head_only=True)
    assert (answer.status, answer.headers["content-length"]) == (200, length)
    raw.request("HEAD /nodes/1")
    assert raw.answer(head_only=True).status == 404
    raw.request("GET /network")
    assert raw.answer().json()["market_price"]


@pytest.mark.parametrize(
    ("line", "status", "allow"),
    [
        ("GET /nowhere", 404, None),
        ("GET /", 404, None),
        ("GET /nodes/", 404, None),
        ("GET //nodes", 404, None),
        ("GET /nodes/9001/prices/x", 404, None),
        ("POST /nowhere", 404, None),
        ("DELETE /nodes", 405, "GET"),
        ("PUT /services/mr", 405, "GET, POST"),
        ("OPTIONS /accounts", 405, "GET, POST"),
        ("GET /nodes/9001/prices", 405, "PATCH"),
        ("GET /services/x/stop", 404, None),
        ("HEAD /services/x/stop", 405, "GET, POST"),
        ("PUT /services/r", 405, "GET, POST"),
        ("POST /nodes/9001/reboot", 405, "GET"),
        ("OPTIONS *", 404, None),
        ("BREW /nodes", 405, "GET"),
    ],
)
def test_paths_and_methods_that_are_not_there(
    raw: RawClient, line: str, status: int, allow: str | None
) -> None:
    raw.request(line)
    head_only = line.startswith("HEAD ")
    answer = raw.answer(head_only=head_only)
    assert (answer.status, answer.headers.get("allow")) == (status, allow)
    if not head_only:
        assert answer.json()["error"] in ("not found", "method not allowed")
    raw.request("GET /network")
    assert raw.answer().status == 200


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"nonsense\r\n\r\n", 400, "request line"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n", 400, "request line"),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "request line"),
        (b"GE(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "request line"),
        (b"GET / FTP/1.1\r\nHost: x\r\n\r\n", 400, "protocol"),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP/1"),
        (b"GET nodes HTTP/1.1\r\nHost: x\r\n\r\n", 400, "not a path"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, "header"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: x\r\n\r\n", 400, "header"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400, "control"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "twice"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400, "twice"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "number"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413, "refused"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "Content-Length"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0",
            400,
            "both",
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: x\r\n\r\n", 417, "100-continue"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100 + b"\r\n", 431, "headers"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70_000, 431, "too large"),
        (b"GET /" + b"a" * 70_000, 431, "too large"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_a_malformed_request_is_refused_and_carries_nothing_out(
    sandbox: SandboxServer, raw: RawClient, data: bytes, status: int, says: str
) -> None:
    raw.send(data)
    answer = raw.answer()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert says in answer.json()["message"]
    assert raw.rest() == b""
    assert sandbox.journal.entries() == []


def test_a_refused_body_may_still_be_sent(raw: RawClient) -> None:
    size = MAX_BODY + 1
    raw.send(b"POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    raw.send(b"x" * size)
    assert raw.answer().status == 413


def test_a_body_of_the_largest_size_is_read(raw: RawClient) -> None:
    raw.request("PATCH /nodes/9001/prices", body=b" " * (MAX_BODY - 11) + b'{"base": 7}')
    assert raw.answer().json()["prices"]["base"] == 7


def test_a_body_may_wait_to_be_asked_for(raw: RawClient) -> None:
    body = b'{"node_id": 9301}'
    raw.request("POST /services/vpn", f"Content-Length: {len(body)}", "Expect: 100-continue")
    assert raw.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    raw.send(body)
    assert raw.answer().json()["uuid"]


def test_json_that_is_none_is_refused(raw: RawClient) -> None:
    for body in (b"{", b"\xff", b'{"base": NaN}', b"[" * 100_000, b'{"base": %s}' % (b"9" * 5000)):
        raw.request("PATCH /nodes/9001/prices", body=body)
        answer = raw.answer()
        assert (answer.status, answer.json()["code"]) == (422, "invalid_json")


def test_a_lone_surrogate_comes_back_as_it_was_sent(raw: RawClient) -> None:
    body = b'[{"node_id": 9101, "disk_size": 1, "image": "x", "envs": {"A": "\\ud83d"}}]'
    raw.request("POST /services/mr", body=body)
    uuid = raw.answer().json()[0]["uuid"]
    raw.request(f"GET /services/{uuid}/info")
    assert b'"A":"\\ud83d"' in raw.answer().body


def test_a_target_may_be_a_whole_url(raw: RawClient) -> None:
    raw.request("GET http://127.0.0.1/nodes/9001?x=1")
    assert raw.answer().json()["id"] == 9001


def test_segments_are_decoded_one_by_one(sandbox: SandboxServer, api: Api) -> None:
    sandbox.reset(dataset="hostile")
    uuids = [session["uuid"] for session in api.json("/sessions")]
    assert [uuid for uuid in uuids if "/" in uuid]
    for uuid in uuids:
        assert api.json(f"/services/{quote(uuid, safe='')}/info")["uuid"] == uuid
    assert api.get("/nodes%2F9001").status_code == 404
    assert api.get("/%6Eodes/%39001").json()["id"] == 9001
    assert [entry.operation for entry in sandbox.journal.entries()][-2:] == [None, "node_detail"]


@pytest.mark.parametrize("query", ["recent=maybe", "recent=2", "&".join(f"a{n}=1" for n in range(200))])
def test_a_query_that_cannot_be_read(api: Api, query: str) -> None:
    assert api.get(f"/sessions?{query}").status_code == 422


@pytest.mark.parametrize(
    ("request_line", "control"),
    [
        ("GET /accounts", "no-store"),
        ("GET /sessions", "no-store"),
        ("GET /nodes", "no-store"),
        ("GET /none", "no-store"),
        ("GET /apps?limit=none", None),
        ("GET /network", None),
        ("GET /services/mr", None),
        ("POST /services/mr", "no-store"),
        ("GET /services/vpn", None),
        ("GET /services/render", None),
    ],
)
def test_every_answer_says_when_it_was_made_and_that_only_the_market_may_be_kept(
    request_line: str, control: str | None, raw: RawClient, sandbox: SandboxServer
) -> None:
    """By the clock of the world, whose sessions have their times from it as well."""
    raw.request(request_line)
    answer = raw.answer()
    date = parsedate_to_datetime(answer.headers["date"]).timestamp()
    assert abs(date - sandbox.world.clock.time()) < 3600
    assert answer.headers.get("cache-control") == control


def test_the_specification_is_served(api: Api) -> None:
    answer = api.get("/openapi.yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert answer.text.startswith("openapi: 3.1.0")


def test_an_idle_connection_is_closed() -> None:
    with SandboxServer(ports=(0,), keep_alive_timeout=0.05) as sandbox, RawClient(sandbox.ports[0]) as raw:
        raw.request("GET /network")
        assert raw.answer().headers["connection"] == "keep-alive"
        assert raw.rest() == b""


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


@pytest.mark.parametrize(
    "sent", [b"GET", b"GET / HTTP/1.1\r\nHos", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"]
)
def test_a_request_that_never_ends_is_given_up(
    ends: tuple[socket.socket, socket.socket], sent: bytes
) -> None:
    near, far = ends
    far.sendall(sent)
    reader = Reader(near, idle_timeout=10, read_timeout=0.02)

    def serve() -> None:
        reader.wait()
        reader.read()

    with pytest.raises(MalformedError) as caught:
        serve()
    assert caught.value.status == 408


def test_a_client_that_leaves_within_a_request_changes_nothing(sandbox: SandboxServer) -> None:
    with RawClient(sandbox.ports[0]) as raw:
        raw.request("PATCH /nodes/9001/prices", "Content-Length: 100")
        raw.send(b'{"base": 5}')
        until(lambda: sandbox.endpoints()[0]["connections"] == 1)
    until(lambda: sandbox.endpoints()[0]["connections"] == 0)
    assert sandbox.journal.entries() == []
    assert sandbox.world.nodes()[0]["prices"]["base"] == 10**18


def test_many_threads_at_once(sandbox: SandboxServer) -> None:
    sandbox.reset(ready_after=0)
    started = threading.Barrier(12)

    def work(number: int) -> list[str]:
        api = Api(sandbox.urls[number % 2])
        started.wait()
        uuids = []
        for round_ in range(8):
            uuid = api.rent(9101 + number, envs={"CALL": f"{number}-{round_}"})
            assert api.json(f"/services/{uuid}/info")["user_envs"] == {"CALL": f"{number}-{round_}"}
            assert uuid in [session["uuid"] for session in api.json("/sessions")]
            assert api.post(f"/services/{uuid}/stop").status_code == 200
            uuids.append(uuid)
        api.close()
        return uuids

    with ThreadPoolExecutor(12) as pool:
        uuids = [uuid for made in pool.map(work, range(12)) for uuid in made]
    assert len(set(uuids)) == 96
    summary = sandbox.journal.summary()
    assert (summary["requests"], summary["changes"], summary["repeated"]) == (12 * 8 * 4, 12 * 8 * 2, [])
    assert [entry.id for entry in sandbox.journal.entries()] == list(range(1, 12 * 8 * 4 + 1))
    assert {entry.connection for entry in sandbox.journal.entries()} == set(range(1, 13))
