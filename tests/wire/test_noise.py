"""Answers with random damage end in a response or in one of our errors, and the client stays usable."""

from __future__ import annotations

import gzip
import random

import pytest

import octaspace
from tests.support.fault_server import Exchange, http

from .conftest import ClientFactory, ServerFactory
from .faults import CHUNKED, EARLY_HINTS, OK
from .requests_to_send import CHANGE, READ

JSON = b'{"id": 12345678901234567890, "name": "\xc4\x87", "tags": [1, 2.5e3, null, true]}'
WHOLE = [
    http(200, JSON),
    http(200, gzip.compress(JSON), {"Content-Encoding": "gzip"}),
    http(429, b'{"error": "no"}', {"Retry-After": "0", "X-Request-Id": "r-1"}),
    http(302, b"", {"Location": "http://elsewhere/"}),
    http(204, b""),
    CHUNKED + b"10\r\n" + JSON[:16] + b"\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    EARLY_HINTS + OK + b"Content-Type: application/json\r\n\r\n" + JSON,
]
SNIPPETS = [
    b"\r\n", b"\n", b"\r", b"\0", b"\xff", b":", b" ", b"-1", b"0", b"chunked", b"\r\n\r\n", b"HTTP/1.1 ",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: deflate\r\n", b"9" * 30,
    b"Content-Encoding: gzip, br\r\n", b"Retry-After: \xff\r\n", b"Location: http://[\r\n", b"\x1b[31m",
    b"Content-Type: application/json; charset=nonsense\r\n", b"NaN", b"{" * 50,
]  # fmt: skip


def damaged(chance: random.Random) -> bytes:
    data = bytearray(chance.choice(WHOLE))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = chance.choice(SNIPPETS)
            case 1:
                del data[at : at + chance.randrange(1, 12)]
            case 2:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                del data[at:]
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("total_timeout", [None, 60], ids=["no-deadline", "deadline"])
def test_damaged_answers(
    serve: ServerFactory, connect: ClientFactory, seed: int, total_timeout: float | None
) -> None:
    chance = random.Random(seed)
    sent: list[bytes] = []

    def behave(exchange: Exchange) -> bool:
        if exchange.read_request() is not None:
            sent.append(damaged(chance))
            exchange.send(sent[-1])
        return False

    server = serve(after=behave)
    client = connect(server, max_retries=0, total_timeout=total_timeout, max_response_bytes=4096)
    for number in range(60):
        try:
            client.send(CHANGE if number % 2 else READ)
        except octaspace.Error as error:
            assert str(error).isprintable(), sent[-1]
        except Exception as error:
            raise AssertionError(f"after {sent[-1]!r}") from error
    # A request that is sent on a connection that ends is not read.
    assert 0 < len([a for a in server.journal if a.method == "POST"]) <= 30
    assert client.transport_stats()["pools"][server.url]["in_use"] == 0
