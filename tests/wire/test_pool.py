"""Sockets: number, lifetime, sharing."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import octaspace
from octaspace.transport import pool
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Exchange,
    FaultServer,
    echo,
    http,
)
from tests.support.gate import Gate
from tests.support.waiting import until

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


def test_pool_size_is_a_hard_limit_and_waiting_times_out(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server, pool_size=2, pool_timeout=0.05)
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(client.send, READ) for _ in range(2)]
        for _ in held:
            gate.arrived.acquire()
        pool = client.transport_stats()["pools"][server.url]
        assert (pool["in_use"], pool["available"]) == (2, 0)
        with pytest.raises(octaspace.TimeoutError, match="pool_size=2") as caught:
            client.send(CHANGE)
        assert caught.value.phase == "pool"
        assert not caught.value.outcome_unknown
        gate.open()
        assert all(future.result().ok for future in held)
    assert server.accepted == 2
    assert client.send(READ).ok


def test_a_full_pool_does_not_fail_its_endpoint_and_the_next_one_is_used(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    full, free = serve(after=gate), serve()
    client = connect(full, free, pool_size=1, pool_timeout=0.01)
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(client.send, READ) for _ in range(2)]
        gate.arrived.acquire()
        assert [client.send(CHANGE).ok for _ in range(4)] == [True] * 4
        assert client.transport_stats()["rotator"]["failed"] == []
        gate.open()
        assert all(future.result().ok for future in held)
    assert len(full.journal) == 1


@pytest.mark.parametrize("method", ["acquire", "release"])
def test_an_interrupt_loses_no_connection(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=1, pool_timeout=0.1)
    client.send(READ)
    original = getattr(pool._Slots, method)

    def interrupted(*args: object) -> bool:
        original(*args)
        raise KeyboardInterrupt  # as a signal that arrives when the lock is released

    monkeypatch.setattr(pool._Slots, method, interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.send(READ)
    monkeypatch.undo()
    assert client.transport_stats()["pools"][server.url]["in_use"] == 0
    assert client.send(READ).ok


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


@pytest.mark.parametrize("pool_size", [64, 8, 1])
def test_a_free_connection_wakes_one_of_64_threads(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, pool_size: int
) -> None:
    server = serve(after=echo)
    client = connect(server, pool_size=pool_size, pool_timeout=None)
    client.send(READ)
    waits: list[object] = []
    wait, start = threading.Condition.wait, threading.Barrier(64)

    def noted(self: threading.Condition, timeout: float | None = None) -> bool:
        waits.append(self)
        return wait(self, timeout)

    def work() -> None:
        start.wait()
        for _ in range(5):
            client.send(READ)

    threads = [threading.Thread(target=work) for _ in range(64)]
    monkeypatch.setattr(threading.Condition, "wait", noted)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = Counter(waits)
    # The barrier's, the threads' own, and the pool's: thousands if each free connection woke all.
    assert max(counts.values(), default=0) <= 2 * 320
    assert server.accepted <= pool_size
    assert len(server.journal) == 321


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


def test_connections_below_the_last_one_used_are_closed(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    gate = Gate()
    server = serve(gate, gate, gate, after=echo)
    client = connect(server, idle_timeout=60)
    with ThreadPoolExecutor(3) as threads:
        held = [threads.submit(client.send, READ) for _ in range(3)]
        for _ in held:
            gate.arrived.acquire()
        gate.open()
        assert all(future.result().ok for future in held)
    assert server.open_count == 3
    for _ in range(4):  # one call at a time: always on the same connection
        clock.advance(30)
        assert client.send(READ).ok
    until(lambda: server.open_count == 1)
    assert server.accepted == 3


def test_an_old_connection_is_not_reused_however_busy_it_was(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=echo)
    client = connect(server, max_connection_age=300, idle_timeout=None)
    seen = []
    for _ in range(10):
        seen.append(client.send(CHANGE).data["connection"])
        clock.advance(50)
    assert seen == [1] * 6 + [2] * 4
    until(lambda: server.open_count == 1)
    clock.advance(300)
    client.transport_stats()
    until(lambda: server.open_count == 0)


def test_an_idle_timeout_of_zero(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server, idle_timeout=0)
    assert [client.send(CHANGE).data["connection"] for _ in range(3)] == [1, 2, 3]
    until(lambda: server.open_count == 0)


def test_a_pool_timeout_of_zero(serve: ServerFactory, connect: ClientFactory) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server, pool_size=1, pool_timeout=0)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.send, READ)
        gate.arrived.acquire()
        with pytest.raises(octaspace.TimeoutError, match="within 0 s") as caught:
            client.send(READ)
        assert (caught.value.phase, caught.value.attempts) == ("pool", 1)
        gate.open()
        assert held.result().ok


def test_the_limit_of_the_whole_call_holds_for_waiting_as_well(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = octaspace.Client(base_url=server.url, keep_alive=True, pool_size=1, pool_timeout=60)
    with client, ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.send, READ)
        gate.arrived.acquire()
        with pytest.raises(octaspace.TimeoutError, match=r"within 0\.05 s") as caught:
            client.send(CHANGE, timeout=0.05)
        assert (caught.value.phase, caught.value.outcome_unknown) == ("total", False)
        gate.open()
        assert held.result().ok
    assert [arrival.method for arrival in server.journal] == ["GET"]


@pytest.mark.parametrize(
    "option",
    ["base_url", "base_urls", "keep_alive", "persistent", "pool_size", "ssl_verify", "max_connection_age"],
)
def test_a_derived_client_cannot_have_other_sockets(
    serve: ServerFactory, connect: ClientFactory, option: str
) -> None:
    with pytest.raises(octaspace.ConfigurationError, match=option) as caught:
        connect(serve()).with_options(**{option: 1})  # type: ignore[arg-type]
    assert caught.value.option == option


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
