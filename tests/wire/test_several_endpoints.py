"""Rotation, failover and cooldown over real sockets."""

from __future__ import annotations

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, close_after_reading, echo, reset_after_reading, stall

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


@pytest.mark.parametrize("keep_alive", [True, False])
def test_requests_take_turns(serve: ServerFactory, connect: ClientFactory, keep_alive: bool) -> None:
    servers = [serve(), serve(), serve()]
    client = connect(*servers, keep_alive=keep_alive)
    for _ in range(9):
        client.send(READ)
    assert [len(server.journal) for server in servers] == [3, 3, 3]


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_a_dead_endpoint_costs_one_attempt_per_cooldown(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, request_: Request
) -> None:
    dead, alive = serve(), serve()
    client = connect(dead, alive)
    dead.refuse()
    attempts = [client.send(request_).attempts for _ in range(10)]
    assert sorted(attempts) == [1] * 9 + [2]
    assert clock.slept == []
    assert len(alive.journal) == 10
    stats = client.transport_stats()
    assert stats["rotator"]["failed"] == [dead.url]
    assert stats["failovers"] == 1

    dead.listen()
    clock.advance(30.1)
    for _ in range(4):
        client.send(request_)
    assert len(dead.journal) == 2
    assert client.transport_stats()["rotator"]["failed"] == []


@pytest.mark.parametrize("fault", [close_after_reading, reset_after_reading, stall])
def test_a_read_that_was_lost_goes_to_the_next_at_once_and_a_change_does_not(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, fault: object
) -> None:
    bad, good = serve(after=fault), serve()
    client = connect(bad, good, read_timeout=0.2, failure_cooldown=0)
    for _ in range(4):
        assert client.send(READ).ok
    assert clock.slept == []
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(client.send(CHANGE).status)
        except octaspace.NetworkError as error:
            outcomes.append(error.outcome_unknown)
    assert sorted(outcomes) == [True, True, 200, 200]
    changes = [a for server in (bad, good) for a in server.journal if a.method == "POST"]
    assert len(changes) == 4


def test_a_retry_goes_to_the_next_endpoint(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    busy, good = serve(after=answer(status=503)), serve()
    client = connect(busy, good)
    for _ in range(4):
        assert client.send(READ).ok
    assert len(busy.journal) == 2
    assert clock.slept == [0.5, 0.5]
    assert client.transport_stats()["rotator"]["available"] == 2  # an answer is no failure of the endpoint


def test_a_pass_over_all_endpoints_costs_no_retry(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    servers = [serve(), serve(), serve()]
    client = connect(*servers, max_retries=1)
    for server in servers:
        server.refuse()
    with pytest.raises(octaspace.ConnectionError) as caught:
        client.send(CHANGE)
    assert caught.value.attempts == 6  # two passes over three
    assert clock.slept == [0.5]


def test_one_back_from_its_cooldown_is_found_within_the_same_pass(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    first, second = serve(), serve()
    client = connect(first, second, max_retries=0)
    first.refuse()
    client.send(READ), client.send(READ)  # one of them met the dead one
    assert client.transport_stats()["rotator"]["failed"] == [first.url]
    first.listen()
    second.refuse()
    assert client.send(READ).ok


def test_a_base_path_is_kept_and_segments_stay_encoded(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, base_url=server.url + "/prefix/")
    assert client.send(Request("GET", "/nodes/a%2Fb")).data["path"] == "/prefix/nodes/a%2Fb"
    assert client.send(Request("GET", "/x", params={"a b": "c&d", "e": "ż"})).data["path"] == (
        "/prefix/x?a+b=c%26d&e=%C5%BC"
    )


@pytest.mark.parametrize("path", ["", "nodes", ".evil.example/nodes", "@evil.example/nodes", ":1/nodes"])
def test_a_path_cannot_lead_to_another_host(path: str) -> None:
    with pytest.raises(ValueError, match="must begin with a slash"):
        Request("GET", path)
