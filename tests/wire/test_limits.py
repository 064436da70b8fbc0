"""Each limit holds on a real socket, and its error says which one it was."""

from __future__ import annotations

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, drip, http, never_read, stall, stall_in_body

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

LARGE = Request("POST", "/services/mr", body={"env": "x" * 8_000_000})


@pytest.mark.parametrize("keep_alive", [True, False])
def test_read_timeout(serve: ServerFactory, connect: ClientFactory, keep_alive: bool) -> None:
    client = connect(serve(after=stall), read_timeout=0.1, max_retries=0, keep_alive=keep_alive)
    with pytest.raises(octaspace.TimeoutError, match=r"read_timeout=0\.1 s") as caught:
        client.send(READ)
    assert caught.value.phase == "read"


def test_read_timeout_holds_on_a_reused_connection(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve(answer(), after=stall), read_timeout=0.1, max_retries=0)
    client.send(READ)
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.send(READ)
    assert caught.value.phase == "read"


def test_read_timeout_in_the_body(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve(after=stall_in_body), read_timeout=0.1, max_retries=0)
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.send(READ)
    assert caught.value.phase == "read"


@pytest.mark.parametrize("reused", [False, True])
def test_write_timeout(serve: ServerFactory, connect: ClientFactory, reused: bool) -> None:
    server = serve(*([answer()] if reused else []), after=never_read)
    client = connect(server, write_timeout=0.2, read_timeout=30, open_timeout=30)
    if reused:
        client.send(READ)
    with pytest.raises(octaspace.TimeoutError, match=r"write_timeout=0\.2 s") as caught:
        client.send(LARGE)
    assert caught.value.phase == "write"
    assert caught.value.outcome_unknown


def test_open_timeout_covers_the_tls_handshake(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(handshake=False)
    client = connect(server, base_url=server.url.replace("http", "https"), open_timeout=0.1)
    with pytest.raises(octaspace.TimeoutError, match=r"open_timeout=0\.1 s") as caught:
        client.send(CHANGE)
    assert caught.value.phase == "open"
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 3  # never sent, so a change is tried again as well


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
@pytest.mark.parametrize(
    "fault",
    [stall, stall_in_body, drip(http(), 0.05), drip(http(200, b"[" + b" " * 500 + b"]"), 0.01)],
    ids=["stall", "stall-in-body", "drip-headers", "drip-body"],
)
def test_total_timeout_ends_what_no_single_wait_would(
    serve: ServerFactory, connect: ClientFactory, request_: Request, fault: object
) -> None:
    client = octaspace.Client(base_url=serve(after=fault).url, total_timeout=0.3, keep_alive=True)
    with client, pytest.raises(octaspace.TimeoutError, match=r"within 0\.3 s in all") as caught:
        client.send(request_)
    assert caught.value.phase == "total"
    assert caught.value.outcome_unknown is (request_ is CHANGE)


def test_total_timeout_bounds_the_sending(serve: ServerFactory) -> None:
    client = octaspace.Client(base_url=serve(after=never_read).url, total_timeout=0.2)
    with client, pytest.raises(octaspace.TimeoutError) as caught:
        client.send(LARGE)
    assert caught.value.phase == "total"


def test_total_timeout_does_not_begin_a_wait_it_cannot_end(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer(status=503, headers={"Retry-After": "20"}))
    with pytest.raises(
        octaspace.TimeoutError, match="the next try would be in 20 s, after status 503"
    ) as caught:
        connect(server, total_timeout=10).send(READ)
    assert caught.value.phase == "total"
    assert clock.slept == []


def test_total_timeout_counts_the_waits(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer(status=503))
    with pytest.raises(octaspace.TimeoutError):
        connect(server, total_timeout=2, max_retries=10).send(READ)
    assert clock.slept == [0.5, 1.0]


def test_the_limit_of_one_call_is_beside_that_of_the_client(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    client = connect(serve(after=answer(status=503)), total_timeout=100)
    with pytest.raises(octaspace.TimeoutError, match=r"within 0\.4 s in all"):
        client.send(READ, timeout=0.4)
    with pytest.raises(octaspace.ServiceUnavailableError):
        client.send(READ, timeout=1000)


def test_no_limit_is_possible(serve: ServerFactory, connect: ClientFactory) -> None:
    none = {"open_timeout": None, "read_timeout": None, "write_timeout": None, "pool_timeout": None}
    assert connect(serve(), **none, idle_timeout=None).send(READ).ok
