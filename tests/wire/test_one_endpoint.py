"""What each fault of a single server becomes: an answer or a typed error, and never a second change."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    answer,
    close_after_reading,
    close_unread,
    http,
    raw,
    reset_after_reading,
    reset_unread,
    stall,
    stall_in_body,
    truncate,
)

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ, REBOOT

CONNECTION, TIMEOUT = octaspace.ConnectionError, octaspace.TimeoutError

#: Each fault, and what a change ends in that meets it.
FAULTS: dict[str, tuple[Behaviour, type[octaspace.Error]]] = {
    "close unread": (close_unread, CONNECTION),
    "reset unread": (reset_unread, CONNECTION),
    "close after reading": (close_after_reading, CONNECTION),
    "reset after reading": (reset_after_reading, CONNECTION),
    "stall before the status line": (stall, TIMEOUT),
    "stall in the body": (stall_in_body, TIMEOUT),
    "body cut short": (truncate, CONNECTION),
    "reset in the body": (raw(http(200, b'{"a": 1}')[:-4], then="reset"), CONNECTION),
    "chunk cut short": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}"), CONNECTION),
    "chunk size that is no number": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
        CONNECTION,
    ),
    "no HTTP at all": (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), CONNECTION),
    "status that is no number": (raw(b"HTTP/1.1 abc Reason\r\n\r\n"), CONNECTION),
    "header line too long": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n{}"), CONNECTION),
    "too many headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}"), CONNECTION),
    "two lengths": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        CONNECTION,
    ),
    "interim status as the answer": (
        raw(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", then="keep"),
        CONNECTION,
    ),
}


BOMB = gzip.compress(b" " * 5_000_000)
CHUNK = b"1000\r\n" + b" " * 4096 + b"\r\n"


@pytest.fixture(params=FAULTS, ids=lambda name: name.replace(" ", "-"))
def fault(request: pytest.FixtureRequest) -> tuple[Behaviour, type[octaspace.Error]]:
    return FAULTS[request.param]


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_read_survives_the_fault(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, fault: Any, keep_alive: bool
) -> None:
    server = serve(fault[0], after=answer({"fine": True}))
    response = connect(server, read_timeout=0.2, keep_alive=keep_alive).send(READ)
    assert response.data == {"fine": True}
    assert response.attempts == 2
    assert len(clock.slept) == 1


@pytest.mark.parametrize("request_", [CHANGE, REBOOT], ids=["post", "reboot"])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_change_is_sent_once_and_its_error_says_that_its_fate_is_unknown(
    serve: ServerFactory,
    connect: ClientFactory,
    clock: FakeClock,
    fault: Any,
    keep_alive: bool,
    request_: Request,
) -> None:
    server = serve(fault[0], after=answer({"fine": True}))
    client = connect(server, read_timeout=0.2, keep_alive=keep_alive)
    with pytest.raises(fault[1], match="may have been carried out") as caught:
        client.send(request_)
    assert isinstance(caught.value, octaspace.NetworkError)
    assert caught.value.outcome_unknown
    assert caught.value.attempts == 1
    assert len(server.journal) <= 1
    assert clock.slept == []
    assert client.transport_stats()["requests"] == 1


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_what_was_never_sent_is_tried_again_whatever_it_is(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, request_: Request
) -> None:
    server = serve()
    client = connect(server)
    server.refuse()
    with pytest.raises(CONNECTION, match="Connection refused") as caught:
        client.send(request_)
    assert isinstance(caught.value, octaspace.NetworkError)
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 3
    assert clock.slept == [0.5, 1.0]
    assert server.journal == []


def test_a_change_arrives_once_when_the_server_comes_back_during_the_wait(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer({"fine": True}))
    client = connect(server)
    server.refuse()
    clock.on_sleep = server.listen
    assert client.send(CHANGE).attempts == 2
    assert [arrival.method for arrival in server.journal] == ["POST"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_retry_status_is_retried_for_reads_only(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, status: int
) -> None:
    server = serve(answer(status=status), answer({"fine": True}), answer({"error": "down"}, status=status))
    client = connect(server)
    assert client.send(READ).attempts == 2
    with pytest.raises(octaspace.ApiError, match=f"{status}: down"):
        client.send(CHANGE)
    assert len(server.journal) == 3
    assert clock.slept == [0.5]


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


def test_redirects_are_not_followed(serve: ServerFactory, connect: ClientFactory) -> None:
    other = serve()
    server = serve(answer(status=302, headers={"Location": other.url + "/nodes"}))
    with pytest.raises(octaspace.ApiError, match="not followed") as caught:
        connect(server).send(READ)
    assert caught.value.status == 302
    assert other.journal == []


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(gzip.compress(b"[1]"), "gzip"), (zlib.compress(b"[1]"), "deflate"), (b"[1]", "identity")],
)
def test_content_encodings(serve: ServerFactory, connect: ClientFactory, body: bytes, encoding: str) -> None:
    server = serve(answer(body=body, headers={"Content-Encoding": encoding}))
    assert connect(server).send(READ).data == [1]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answer(body=b'{"a":'), "JSON cannot be read"),
        (answer(body=b'"\xff"'), "JSON cannot be read"),
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
    assert client.send(READ).data == {"fine": True}  # and the connection was not left half read


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
