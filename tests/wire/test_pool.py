"""Sockets: how many, how long, whose."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import octaspace
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Exchange,
    FaultServer,
    close_after_reading,
    echo,
    http,
)
from tests.support.waiting import until

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


class Gate:
    """Holds every request until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = threading.Semaphore(0)

    def __call__(self, exchange: Exchange) -> bool:
        if exchange.read_request() is None:
            return False
        self.waiting.release()
        self.opened.wait(30)
        exchange.send(http())
        return True


def test_standard_mode_opens_and_closes_a_connection_per_request(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    client = connect(server, keep_alive=False)
    assert [client.send(READ).data["connection"] for _ in range(3)] == [1, 2, 3]
    assert server.journal[0].headers["connection"] == "close"
    until(lambda: server.open_count == 0)
    assert client.transport_stats() == {
        "mode": "standard", "url": server.url, "requests": 3, "retries": 0, "failovers": 0,
    }  # fmt: skip


def test_persistent_mode_reuses(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=3)
    assert {client.send(READ).data["connection"] for _ in range(10)} == {1}
    assert client.transport_stats() == {
        "mode": "persistent",
        "pools": {server.url: {"size": 3, "available": 3, "in_use": 0, "created": 1, "reused": 9}},
        "requests": 10, "retries": 0, "failovers": 0,
    }  # fmt: skip


def test_pool_size_is_a_hard_bound_and_waiting_ends(serve: ServerFactory, connect: ClientFactory) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server, pool_size=2, pool_timeout=0.05)
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(client.send, READ) for _ in range(2)]
        for _ in held:
            gate.waiting.acquire()
        pool = client.transport_stats()["pools"][server.url]
        assert (pool["in_use"], pool["available"]) == (2, 0)
        with pytest.raises(octaspace.TimeoutError, match="pool_size=2") as caught:
            client.send(CHANGE)
        assert caught.value.phase == "pool"
        assert not caught.value.outcome_unknown
        gate.opened.set()
        assert all(future.result().ok for future in held)
    assert server.accepted == 2
    assert client.send(READ).ok


def test_a_full_pool_is_no_mark_against_its_endpoint_and_the_next_one_serves(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    full, free = serve(after=gate), serve()
    client = connect(full, free, pool_size=1, pool_timeout=0.01)
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(client.send, READ) for _ in range(2)]
        gate.waiting.acquire()
        assert [client.send(CHANGE).ok for _ in range(4)] == [True] * 4
        assert client.transport_stats()["rotator"]["failed"] == []
        gate.opened.set()
        assert all(future.result().ok for future in held)
    assert len(full.journal) == 1


def test_many_threads_never_exceed_the_pool(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=4)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: client.send(READ).data["connection"], range(400)))
    assert len(answers) == 400
    assert server.accepted <= 4
    pool = client.transport_stats()["pools"][server.url]
    assert pool["created"] + pool["reused"] == 400
    assert pool["in_use"] == 0


def test_idle_connections_are_closed_and_never_reused(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=echo)
    client = connect(server, idle_timeout=60)
    client.send(READ)
    clock.advance(59)
    assert client.send(READ).data["connection"] == 1
    clock.advance(60)
    assert client.send(CHANGE).data["connection"] == 2
    clock.advance(60)
    client.transport_stats()
    until(lambda: server.open_count == 0)


def test_a_connection_the_server_closed_meanwhile_is_noticed_before_reuse(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    client = connect(server)
    client.send(READ)
    server.drop_connections()
    until(lambda: server.open_count == 0)
    assert client.send(CHANGE).attempts == 1


def test_one_that_dies_at_the_moment_of_reuse(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=echo)
    client = connect(server, max_retries=0)
    client.send(READ)
    server.then(close_after_reading)
    response = client.send(READ)  # once more, on a fresh socket
    assert (response.attempts, response.data["connection"]) == (2, 2)
    assert clock.slept == []

    server.then(close_after_reading)
    with pytest.raises(octaspace.ConnectionError, match="may have been carried out"):
        client.send(CHANGE)
    assert [arrival.method for arrival in server.journal] == ["GET", "GET", "GET", "POST"]


def test_a_dying_reused_connection_is_no_mark_against_the_endpoint(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    servers = [serve(after=echo), serve(after=echo)]
    client = connect(*servers)
    for _ in range(4):
        client.send(READ)
    for server in servers:
        server.then(close_after_reading)
    for _ in range(4):
        client.send(READ)
    stats = client.transport_stats()
    assert stats["rotator"]["failed"] == []
    assert stats["failovers"] == 0


def test_close_closes_every_socket_and_ends_the_client(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server)
    derived = client.with_options(api_key="sk-other")
    client.send(READ), derived.send(READ)
    client.close()
    client.shutdown()
    until(lambda: server.open_count == 0)
    for ended in (client, derived):
        with pytest.raises(octaspace.ConfigurationError, match="closed"):
            ended.send(READ)


def test_a_request_under_way_is_finished_before_its_socket_is_closed(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.send, READ)
        gate.waiting.acquire()
        client.close()
        gate.opened.set()
        assert held.result().ok
    until(lambda: server.open_count == 0)


def test_a_derived_client_costs_no_socket_and_closes_none(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=echo)
    client = connect(server)
    derived = client.with_options(api_key="sk-other", read_timeout=1, max_retries=0)
    assert client.send(READ).data["connection"] == derived.send(READ).data["connection"] == 1
    assert [a.headers["authorization"] for a in server.journal] == ["sk-secret", "sk-other"]
    assert derived.transport_stats() == client.transport_stats()
    derived.close()
    assert client.send(READ).data["connection"] == 1
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        derived.send(READ)


@pytest.mark.parametrize(
    "option", ["base_url", "base_urls", "keep_alive", "persistent", "pool_size", "ssl_verify"]
)
def test_a_derived_client_cannot_have_other_sockets(
    serve: ServerFactory, connect: ClientFactory, option: str
) -> None:
    with pytest.raises(octaspace.ConfigurationError, match=option) as caught:
        connect(serve()).with_options(**{option: 1})  # type: ignore[arg-type]
    assert caught.value.option == option


def test_a_dropped_client_leaks_no_socket(serve: ServerFactory) -> None:
    server = serve(after=echo)

    def use() -> None:
        client = octaspace.Client(base_url=server.url, keep_alive=True)
        client.send(READ)

    use()
    gc.collect()
    until(lambda: server.open_count == 0)


def test_cookies_are_not_kept(serve: ServerFactory, connect: ClientFactory) -> None:
    def with_cookie(exchange: Exchange) -> bool:
        exchange.read_request()
        exchange.send(http(headers={"Set-Cookie": "session=1; Path=/"}))
        return True

    server = serve(with_cookie, after=echo)
    client = connect(server)
    client.send(READ), client.send(READ)
    assert "cookie" not in server.journal[1].headers


def test_more_endpoints_than_requests_keeps_pools_for(serve: ServerFactory, connect: ClientFactory) -> None:
    servers: list[FaultServer] = [serve(after=echo) for _ in range(14)]
    client = connect(*servers)
    for _ in range(28):
        client.send(READ)
    assert [server.accepted for server in servers] == [1] * 14
