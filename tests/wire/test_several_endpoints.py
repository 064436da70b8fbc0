"""Rotation, failover and cooldown over real sockets."""

from __future__ import annotations

import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

import octaspace
from octaspace import Request
from octaspace.transport.wire import Wire
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, close_after_reading, echo, reset_after_reading, stall
from tests.support.gate import Gate
from tests.support.waiting import until

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
    client = connect(bad, good, read_timeout=1, failure_cooldown=0)
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
    assert client.transport_stats()["rotator"]["available"] == 2  # an answer is not a failure of the endpoint


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


def test_a_permanent_failure_of_one_endpoint_does_not_end_retries_of_another(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock,
    tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
) -> None:  # fmt: skip
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(stranger)
    for order in (1, -1):
        down, untrusted = serve(tls=tls), serve(tls=stranger)
        client = connect(*[down, untrusted][::order], ssl_verify=authority[1])
        down.refuse()
        clock.on_sleep = down.listen
        assert client.send(CHANGE).ok
    assert clock.slept == [0.5, 0.5]


def test_derived_clients_share_health_and_turns(serve: ServerFactory, connect: ClientFactory) -> None:
    dead, alive, third = serve(), serve(), serve()
    client = connect(dead, alive, third)
    dead.refuse()
    assert client.send(READ).attempts == 2
    derived = [client.with_options(api_key=f"sk-{number}") for number in range(4)]
    assert [one.send(READ).attempts for one in derived] == [1] * 4
    assert [len(server.journal) for server in (alive, third)] == [3, 2]
    assert all(one.transport_stats() == client.transport_stats() for one in derived)


def test_with_all_in_cooldown_the_oldest_failure_is_called(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    servers = [serve(after=echo) for _ in range(3)]
    client = connect(*servers, max_retries=0)
    for server in servers:
        server.refuse()
    with pytest.raises(octaspace.ConnectionError):
        client.send(READ)
    assert client.transport_stats()["rotator"]["available"] == 0
    for server in servers:
        server.listen()
    assert client.send(READ).url == servers[0].url + "/nodes"
    clock.advance(30)
    assert client.transport_stats()["rotator"] == {
        "total": 3, "available": 3, "failed": [], "cooldown_left": {},
    }  # fmt: skip


def test_after_a_cooldown_a_single_call_probes(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    gate = Gate()
    hole, good = serve(close_after_reading, after=gate), serve(after=echo)
    client = connect(hole, good, pool_size=24)
    assert client.send(READ).attempts == 2
    clock.advance(30)
    with ThreadPoolExecutor(24) as threads:
        calls = [threads.submit(client.send, READ) for _ in range(24)]
        gate.arrived.acquire()
        until(lambda: sum(call.done() for call in calls) == 23)  # all but the one that tries
        assert len(good.journal) == 24  # with the one from before
        gate.open()
        assert all(call.result().attempts == 1 for call in calls)
    assert len(hole.journal) == 2
    for _ in range(4):
        client.send(READ)
    assert len(hole.journal) == 4  # it has answered, and is one of two again


def test_a_failed_probe_restarts_the_cooldown(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    hole, good = serve(after=close_after_reading), serve(after=echo)
    client = connect(hole, good)
    for _ in range(3):
        assert [client.send(READ).attempts for _ in range(12)].count(2) == 1
        clock.advance(30)
    assert len(hole.journal) == 3


def test_another_call_probes_after_an_interrupted_probe(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hole, good = serve(close_after_reading, after=echo), serve(after=echo)
    client = connect(hole, good)
    client.send(READ)
    clock.advance(30)
    with monkeypatch.context() as patch:
        patch.setattr(Wire, "attempt", interrupt)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                client.send(READ)
    for _ in range(4):
        client.send(READ)
    assert len(hole.journal) == 3


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_another_call_probes_after_a_close_before_the_probe(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    hole, good = serve(close_after_reading, after=echo), serve(after=echo)
    client = connect(hole, good)
    client.send(READ)
    clock.advance(30)
    good.then(answer(status=503))
    derived = client.with_options()
    clock.on_sleep = derived.close  # while it waits for its retry, which is to go to the one that failed
    with pytest.raises(octaspace.ConfigurationError, match="closed during the call"):
        derived.send(READ)
    for _ in range(4):
        client.send(READ)
    assert len(hole.journal) == 3


def test_another_call_probes_after_an_interrupt_during_logging(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    class Interrupted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "failover" in record.getMessage():
                raise KeyboardInterrupt

    logger = logging.getLogger("tests.interrupted")
    logger.setLevel("INFO")
    hole, lost, good = serve(close_after_reading, after=echo), serve(after=echo), serve(after=echo)
    client = connect(hole, lost, good, logger=logger)
    for _ in range(4):
        client.send(READ)
    clock.advance(30)
    # It is this one's turn, and then that of the one that failed.
    lost.then(*[close_after_reading] * 2)
    logger.addHandler(handler := Interrupted())
    with pytest.raises(KeyboardInterrupt):
        client.send(READ)
    logger.removeHandler(handler)
    assert len(hole.journal) == 1
    for _ in range(4):
        client.send(READ)
    assert len(hole.journal) == 3
