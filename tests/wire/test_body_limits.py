"""Limits of a body: bytes, values, levels and time, whatever its header declares."""

from __future__ import annotations

import gzip
import json
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import octaspace
from octaspace import Request
from octaspace.transport import decoding
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, http, raw

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

#: 1.5 million empty lists in 4.5 MB.
LISTS = b"[" + b"[]," * 1_500_000 + b"1]"

TYPES = ["application/json", "application/json; charset=utf-8", "text/plain", ""]


def not_to_be_parsed() -> Callable[[bytes], Any]:
    raise AssertionError("it was parsed")


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_too_many_values_are_not_parsed(
    serve: ServerFactory, connect: ClientFactory, content_type: str, request_: Request,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    request_ = Request(request_.method, request_.path, body=request_.body, expects="json")
    server = serve(answer(body=b'["a,b",1,2,3]', headers={"Content-Type": content_type}))
    client = connect(server, max_json_values=3)
    monkeypatch.setattr(decoding, "json_parser", not_to_be_parsed)
    with pytest.raises(octaspace.InvalidResponseError, match="max_json_values=3") as caught:
        client.send(request_)
    error = caught.value
    assert (error.option, error.status) == ("max_json_values", 200)
    assert error.outcome_unknown is (request_.method == "POST")
    assert error.response is not None
    assert error.response.data == error.response.body == b'["a,b",1,2,3]'
    assert pickle.loads(pickle.dumps(error)).option == "max_json_values"
    assert len(server.journal) == 1


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_maximum_number_of_values(serve: ServerFactory, connect: ClientFactory, encoding: str) -> None:
    body = b'{"a":[1,2],"b,c[{":"[,[,[,"}'
    packed = gzip.compress(body) if encoding else body
    server = serve(after=answer(body=packed, headers={"Content-Encoding": encoding} if encoding else {}))
    assert connect(server, max_json_values=4).send(READ).data == json.loads(body)
    with pytest.raises(octaspace.InvalidResponseError, match="max_json_values=3"):
        connect(server, max_json_values=3).send(READ)


@pytest.mark.parametrize("status", [422, 500])
def test_the_status_decides_and_the_body_is_not_parsed(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    server = serve(after=answer(status=status, body=b'{"message":"no","more":[1,2,3]}'))
    client = connect(server, max_json_values=3, max_retries=0)
    monkeypatch.setattr(decoding, "json_parser", not_to_be_parsed)
    with pytest.raises(octaspace.ApiError) as caught:
        client.send(READ)
    assert caught.value.status == status
    assert not isinstance(caught.value, octaspace.InvalidResponseError)
    assert caught.value.response is not None
    assert isinstance(caught.value.response.data, bytes)


def test_html_with_many_commas_is_called_html(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(answer(body=b"<p>" + b"one, two, " * 50, headers={"Content-Type": "text/html"}))
    with pytest.raises(octaspace.InvalidResponseError, match="text/html") as caught:
        connect(server, max_json_values=3).send(Request("GET", "/nodes", expects="json"))
    assert caught.value.option is None


def test_a_body_of_another_content_type_stays_bytes(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(answer(body=LISTS, headers={"Content-Type": "application/octet-stream"}))
    assert connect(server).send(READ).data == LISTS


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_bomb_of_empty_lists_costs_what_its_bytes_cost(
    serve: ServerFactory, connect: ClientFactory, packed: bool
) -> None:
    headers = {"Content-Encoding": "gzip"} if packed else {}
    body = gzip.compress(LISTS) if packed else LISTS
    client = connect(serve(after=answer(body=body, headers=headers)))
    tracemalloc.start()
    try:
        with pytest.raises(octaspace.InvalidResponseError, match="max_json_values=2000000"):
            client.send(READ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(LISTS)


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b"[" * 300 + b"]" * 300],
    ids=["lists without end", "objects without end", "100000 lists", "300 lists"],
)
@pytest.mark.parametrize("fast", [False, True], ids=["standard library", "msgspec"])
def test_too_many_levels(
    serve: ServerFactory, connect: ClientFactory, body: bytes, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = decoding.standard_parse
    if fast:
        parse = decoding.fast_parse_with(pytest.importorskip("msgspec"))
    monkeypatch.setattr(decoding, "json_parser", lambda: parse)
    with pytest.raises(octaspace.InvalidResponseError, match="nested too deeply"):
        connect(serve(answer(body=body))).send(READ)


def test_a_body_that_is_too_large_names_the_option(serve: ServerFactory, connect: ClientFactory) -> None:
    with pytest.raises(octaspace.InvalidResponseError, match="max_response_bytes=10") as caught:
        connect(serve(answer(body=b"[1,2,3,4,5,6]")), max_response_bytes=10).send(READ)
    assert caught.value.option == "max_response_bytes"
    with pytest.raises(octaspace.InvalidResponseError, match="not valid gzip") as caught:
        connect(serve(answer(body=b"[]", headers={"Content-Encoding": "gzip"}))).send(READ)
    assert caught.value.option is None


def slow_parser(clock: FakeClock) -> Callable[[], Callable[[bytes], Any]]:
    def parse(body: bytes) -> Any:
        clock.advance(6)
        return json.loads(body)

    return lambda: parse


@pytest.mark.parametrize("status", [200, 404])
def test_parsing_is_within_the_total_timeout(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:  # fmt: skip
    client = connect(serve(after=answer(body=b'{"a":1}', status=status)), total_timeout=5)
    monkeypatch.setattr(decoding, "json_parser", slow_parser(clock))
    with pytest.raises(octaspace.TimeoutError, match="within 5 s") as caught:
        client.send(READ)
    assert (caught.value.phase, caught.value.attempts) == ("total", 1)
    assert caught.value.outcome_unknown is False
    stats = client.transport_stats()["pools"][client.config.endpoints[0]]
    assert (stats["available"], stats["created"]) == (stats["size"], 1)


def test_a_complete_response_to_a_change_is_returned_after_the_deadline(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = gzip.compress(json.dumps([{"uuid": "u-1", "more": "x" * 200_000}]).encode())
    server = serve(answer(body=made, headers={"Content-Encoding": "gzip"}))
    monkeypatch.setattr(decoding, "json_parser", slow_parser(clock))
    assert connect(server, total_timeout=5).send(CHANGE).data[0]["uuid"] == "u-1"


def test_an_incomplete_response_to_a_change_at_the_deadline_is_outcome_unknown(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(raw(http(200, b'[{"uuid": "u-1"}]')[:-4], then="hold"))
    client = octaspace.Client("sk-secret", base_url=server.url, total_timeout=0.5)
    with client, pytest.raises(octaspace.TimeoutError) as caught:
        client.send(CHANGE)
    assert (caught.value.phase, caught.value.outcome_unknown) == ("total", True)


def test_the_deadline_is_checked_between_chunks_of_a_compressed_body(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    """Four megabytes come in four kilobytes, so that no wait for the socket checks the deadline."""
    body = gzip.compress(bytes(4 << 20))
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    client = connect(serve(answer(body=body, headers=headers)), total_timeout=5)
    seen: list[int] = []

    def progress(done: int, total: int | None) -> None:
        seen.append(done)
        clock.advance(2)

    with pytest.raises(octaspace.TimeoutError) as caught:
        client.nodes.download_logs(1, on_progress=progress)
    assert caught.value.phase == "total"
    assert seen == [65536, 131072, 196608]
