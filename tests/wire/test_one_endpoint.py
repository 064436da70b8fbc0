"""Responses of a single server: a `Response` or a typed error."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    answer,
    http,
    raw,
)

from .conftest import ClientFactory, ServerFactory
from .faults import FAULTS
from .requests_to_send import CHANGE, READ, REBOOT

BOMB = gzip.compress(b" " * 5_000_000)
CHUNK = b"1000\r\n" + b" " * 4096 + b"\r\n"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_a_get_with_side_effects_is_sent_once(
    serve: ServerFactory, connect: ClientFactory, fault: str
) -> None:
    behaviour, kind = FAULTS[fault]
    server = serve(behaviour, after=answer({"fine": True}))
    with pytest.raises(kind, match="may have taken effect") as caught:
        connect(server, read_timeout=0.1 if kind is octaspace.TimeoutError else 30).send(REBOOT)
    assert caught.value.outcome_unknown
    assert len(server.journal) <= 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "304: not modified"),
        (http(302), "302: redirect not followed: .* Location"),
        (http(301, headers={"Location": "/x"}), "301: redirect not followed.*: /x"),
        (
            b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
            "SSH-2.0-OpenSSH_9.2p1 Debian",
        ),
        (b"HTTP/2.0 200 OK\r\n\r\n", r"HTTP/2\.0 .* HTTP/1\.x"),
    ],
)
def test_messages_describe_the_response(
    serve: ServerFactory, connect: ClientFactory, sent: bytes, words: str
) -> None:
    with pytest.raises(octaspace.Error, match=words):
        connect(serve(after=raw(sent)), max_retries=0).send(READ)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize(
    ("status", "unknown"), [(401, False), (407, False), (422, False), (408, True), (502, True), (200, True)]
)
def test_a_refused_change_with_a_truncated_body_has_a_known_outcome(
    serve: ServerFactory, connect: ClientFactory, status: int, unknown: bool, end: str
) -> None:
    server = serve(raw(http(status, b'{"error": "no"}')[:-4], then=end))
    with pytest.raises(octaspace.Error) as caught:
        connect(server).send(CHANGE)
    assert caught.value.outcome_unknown is unknown
    assert caught.value.status == (None if unknown else status)
    assert len(server.journal) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
def test_any_other_status_is_not(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, status: int
) -> None:
    server = serve(answer({"error": "no"}, status=status))
    with pytest.raises(octaspace.ApiError) as caught:
        connect(server).send(READ)
    assert caught.value.status == status
    assert len(server.journal) == 1


def test_retries_end_and_the_last_answer_is_raised(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer({"error": "down"}, status=503))
    client = connect(server, max_retries=3)
    with pytest.raises(octaspace.ServiceUnavailableError) as caught:
        client.send(READ)
    assert clock.slept == [0.5, 1.0, 2.0]
    assert caught.value.attempts == 4
    assert len(server.journal) == 4
    stats = client.transport_stats()
    assert (stats["requests"], stats["retries"], stats["failovers"]) == (4, 3, 0)


def test_retry_after_is_obeyed(serve: ServerFactory, connect: ClientFactory, clock: FakeClock) -> None:
    server = serve(answer(status=429, headers={"Retry-After": "7"}), after=answer({"fine": True}))
    connect(server).send(READ)
    assert clock.slept == [7.0]


def test_a_longer_retry_after_than_we_wait_for_raises_at_once(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer(status=429, headers={"Retry-After": "61"}))
    with pytest.raises(octaspace.RateLimitError) as caught:
        connect(server).send(READ)
    assert caught.value.retry_after == 61.0
    assert clock.slept == []


def test_a_redirect_with_a_bomb_for_a_body(serve: ServerFactory, connect: ClientFactory) -> None:
    headers = {"Location": "/", "Content-Encoding": "gzip"}
    server = serve(answer(status=302, body=BOMB, headers=headers), after=answer({"fine": True}))
    client = connect(server, max_response_bytes=1000)
    with pytest.raises(octaspace.ApiError, match="redirect not followed") as caught:
        client.send(READ)
    assert caught.value.response is not None
    assert caught.value.response.body == b""
    assert client.send(READ).data == {"fine": True}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(gzip.compress(b"[1]", mtime=0), "gzip"), (zlib.compress(b"[1]"), "deflate"), (b"[1]", "identity")],
)
def test_content_encodings(serve: ServerFactory, connect: ClientFactory, body: bytes, encoding: str) -> None:
    server = serve(answer(body=body, headers={"Content-Encoding": encoding}))
    assert connect(server).send(READ).data == [1]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answer(body=b'{"a":'), "JSON is invalid"),
        (answer(body=b'"\xff"'), "JSON is invalid"),
        (answer(body=b"no gzip", headers={"Content-Encoding": "gzip"}), "not valid gzip"),
        (answer(body=BOMB, headers={"Content-Encoding": "gzip"}), "max_response_bytes"),
        (answer(body=b" " * 200_000), "max_response_bytes"),
        (raw(http(200, b"", {"Transfer-Encoding": "chunked"}, length=False) + CHUNK * 50, then="hold"),
         "max_response_bytes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_a_success_whose_body_cannot_be_used(
    serve: ServerFactory, connect: ClientFactory, behaviour: Behaviour, words: str, request_: Request
) -> None:
    server = serve(behaviour, after=answer({"fine": True}))
    client = connect(server, max_response_bytes=100_000)
    with pytest.raises(octaspace.InvalidResponseError, match=words) as caught:
        client.send(request_)
    assert caught.value.status == 200
    assert len(server.journal) == 1
    assert client.send(READ).data == {"fine": True}  # and the connection was not reused half read


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_a_bomb_costs_no_more_memory_than_the_limit(
    serve: ServerFactory, connect: ClientFactory, encoding: str
) -> None:
    body = gzip.compress(bytes(64 << 20))  # some 64 kB
    if encoding != "gzip":
        body = gzip.compress(body * 1000)  # 64 GB
    server = serve(answer(body=body, headers={"Content-Encoding": encoding}), after=answer({"fine": True}))
    client = connect(server, max_response_bytes=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(octaspace.InvalidResponseError, match="max_response_bytes"):
            client.send(READ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert client.send(READ).data == {"fine": True}


def test_the_status_decides_even_when_the_body_is_a_bomb(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    bomb = answer(status=422, body=BOMB, headers={"Content-Encoding": "gzip"})
    with pytest.raises(octaspace.ValidationError):
        connect(serve(bomb), max_response_bytes=1000).send(READ)


def test_html_in_front_of_the_api(serve: ServerFactory, connect: ClientFactory) -> None:
    page = answer(status=502, body=b"<h1>Bad Gateway</h1>", headers={"Content-Type": "text/html"})
    with pytest.raises(octaspace.BadGatewayError, match="<h1>Bad Gateway</h1>") as caught:
        connect(serve(after=page), max_retries=0).send(READ)
    assert caught.value.response is not None
    assert caught.value.response.data == b"<h1>Bad Gateway</h1>"


def test_no_body(serve: ServerFactory, connect: ClientFactory) -> None:
    assert connect(serve(answer(status=204, body=b""))).send(READ).data is None


def test_integers_beyond_64_bits_stay_exact(serve: ServerFactory, connect: ClientFactory) -> None:
    assert connect(serve(answer(body=b'{"balance": 1234567890123456789012}'))).send(READ).data == {
        "balance": 1234567890123456789012
    }
