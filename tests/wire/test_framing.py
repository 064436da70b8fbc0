"""Framing of responses that must be accepted; `faults` has those that are rejected."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

import octaspace
from octaspace import Client, Request
from tests.support.fault_server import Behaviour, echo, raw

from .conftest import ClientFactory, ServerFactory
from .faults import CHUNKED, EARLY_HINTS, OK
from .requests_to_send import CHANGE, READ

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY = b"Content-Length: 3\r\n\r\n[1]"
HEAD = Request("HEAD", "/nodes")


@pytest.fixture(params=["new connection", "reused connection"])
def begin(request: pytest.FixtureRequest, serve: ServerFactory, connect: ClientFactory) -> ClientFactory:
    """Create a client of a server with that script, whose first response arrives on such a connection."""

    def make(*script: Behaviour, server: dict[str, Any] | None = None, **options: Any) -> Client:
        warm = request.param == "reused connection"
        client = connect(serve(*([echo] if warm else []), *script, after=echo, **(server or {})), **options)
        if warm:
            assert client.send(READ).data["connection"] == 1
        return client

    return make


@pytest.mark.parametrize(
    "sent",
    [
        OK + BODY,
        CONTINUE + OK + BODY,
        EARLY_HINTS + OK + BODY,
        CONTINUE + EARLY_HINTS * 5 + CONTINUE + b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n" + OK + BODY,
        OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\n[1]",
        OK + b"X-Folded: a\r\n b\r\n" + BODY,
        OK + b"Content-Type: multipart/mixed\r\nX: y\r\n" + BODY.replace(b"[1]", b"abc"),
        CHUNKED + b"3\r\n[1]\r\n0\r\n\r\n",
        CHUNKED + b"001\r\n[\r\n2;extension=x\r\n1]\r\n0;last\r\nX-Trailer: y\r\n\r\n",
        OK + b"Transfer-Encoding: Chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("total_timeout", [None, 30], ids=["no-deadline", "deadline"])
def test_accepted_responses_that_keep_the_connection(
    begin: ClientFactory, sent: bytes, total_timeout: float | None
) -> None:
    client = begin(raw(sent, then="keep"), total_timeout=total_timeout)
    response = client.send(CHANGE)
    assert (response.attempts, response.data) in [(1, [1]), (1, b"abc")]
    assert client.send(CHANGE).data["connection"] == 1


def test_without_a_length_the_end_of_the_connection_is_the_end(begin: ClientFactory) -> None:
    client = begin(raw(b"HTTP/1.0 200 OK\r\n\r\n[1]"), raw(OK + b"\r\n[2]"))
    assert client.send(CHANGE).data == [1]
    assert client.send(CHANGE).data == [2]
    assert client.send(CHANGE).data["connection"] == 3


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (HEAD, OK + b"Content-Length: 30\r\n\r\n"),
        (HEAD, OK + b"Content-Length: 30\r\nContent-Encoding: gzip\r\n\r\n"),
        (HEAD, CHUNKED),
        (READ, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (READ, b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n"),
        (CHANGE, b"HTTP/1.1 204 No Content\r\nContent-Encoding: br\r\n\r\n"),
        (CHANGE, OK + b"Content-Length: 0\r\nContent-Encoding: br\r\n\r\n"),
        (CHANGE, CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: zstd\r\n\r\n") + b"0\r\n\r\n"),
        (HEAD, OK + b"Content-Length: 30\r\nContent-Encoding: br\r\n\r\n"),
        (CHANGE, b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (CHANGE, b"HTTP/1.1 204 No Content\r\nContent-Length: 30\r\n\r\n"),
        (READ, OK + b"Content-Length: 0\r\nContent-Type: application/json\r\n\r\n"),
        (READ, CHUNKED + b"0\r\n\r\n"),
    ],
)
def test_answers_without_a_body(begin: ClientFactory, request_: Request, sent: bytes) -> None:
    client = begin(raw(sent, then="keep"))
    response = client.send(request_)
    assert (response.data, response.body, response.attempts) == (None, b"", 1)
    assert client.send(CHANGE).data["connection"] == 1


def test_a_download_that_is_answered_without_a_body_is_an_empty_file(
    begin: ClientFactory, tmp_path: Path
) -> None:
    # What came before the retry is not in it.
    lost = OK + b"Content-Length: 30\r\n\r\nhalf of i"
    chunked = b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = begin(raw(lost), raw(chunked, then="keep"))
    response = client.nodes.download_ident(7, to=tmp_path / "ident")
    assert (response.status, response.attempts) == (204, 2)
    assert (tmp_path / "ident").read_bytes() == b""
    assert client.send(CHANGE).data["connection"] == 2


def test_an_answer_that_nothing_was_modified_has_no_body(begin: ClientFactory) -> None:
    client = begin(raw(b"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", then="keep"))
    with pytest.raises(octaspace.ApiError, match="304: not modified"):
        client.send(READ)
    assert client.send(CHANGE).data["connection"] == 1


MORE = OK + b'Content-Length: 9\r\n\r\n"crossed"'


@pytest.mark.parametrize(
    "surplus", [b"x", b"\r\n", MORE, MORE * 2000], ids=["byte", "line", "answer", "many"]
)
@pytest.mark.parametrize(
    "sent",
    [
        OK + BODY,
        OK + b"Content-Length: 0\r\n\r\n",
        CHUNKED + b"3\r\n[1]\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["length", "empty", "chunked", "no-content"],
)
@pytest.mark.parametrize("total_timeout", [None, 30], ids=["no-deadline", "deadline"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_bytes_after_the_answer_are_not_the_next_answer(
    begin: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    secure: bool, total_timeout: float | None, sent: bytes, surplus: bytes,
) -> None:  # fmt: skip
    # In one piece: they arrive with the response, so polling the socket does not show them.
    client = begin(
        raw(sent + surplus, then="keep"), server={"tls": tls if secure else None}, ssl_verify=authority[1],
        total_timeout=total_timeout,
    )  # fmt: skip
    assert client.send(CHANGE).data in ([1], None)
    assert client.send(CHANGE).data["connection"] == 2


@pytest.mark.parametrize(
    "content_type",
    [
        b"Content-Type: application/json\r\nContent-Type: application/json\r\n",
        b"Content-Type: application/json\r\nContent-Type: text/json; charset=utf-8\r\n",
        b"Content-Type: application/json,\r\n",
        b"Content-Type: , application/json; charset=utf-8\r\n",
        b"Content-Type:\r\n",
        b"Content-Type: \r\n",
        b"Content-Type: text/html\r\nContent-Type: application/json\r\n",
        b"",
    ],
)
def test_json_with_unusual_content_types(
    serve: ServerFactory, connect: ClientFactory, content_type: bytes
) -> None:
    assert connect(serve(raw(OK + content_type + BODY, then="keep"))).send(READ).data == [1]


def test_a_query_in_the_path_and_parameters_go_together(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve(after=echo))
    sent = [
        Request("GET", "/x?y=1", params={"a": "1"}),
        Request("GET", "/x?", params={"a": "1"}),
        Request("GET", "/x?y=1"),
        Request("GET", "/x?"),
    ]
    seen = [client.send(request).data["path"] for request in sent]
    assert seen == ["/x?y=1&a=1", "/x?a=1", "/x?y=1", "/x?"]
