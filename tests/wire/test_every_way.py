"""The guarantees for every kind of connection: keep-alive or not, one endpoint or two, plain or TLS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    answer,
    close_after_reading,
    drip,
    echo,
    http,
    reset_after_reading,
)
from tests.support.waiting import until

from .conftest import PERSISTENT, WAYS, Way, arrivals
from .faults import BROKEN_OFF, FAULTS, Fault
from .requests_to_send import CHANGE, READ, REBOOT


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Fault:
    return FAULTS[request.param]


#: Malformed responses do not depend on the kind of connection; two different ones are enough.
FAULTS_ON_WAYS = [
    pytest.param(way.values[0], name, id=f"{way.id}-{name.replace(' ', '-')}")
    for way in WAYS
    for name in FAULTS
    if name in BROKEN_OFF or way in (WAYS[0], WAYS[-1])
]


def patience(fault: Fault) -> float:
    """A short read timeout where the test waits for it; a busy machine may take longer elsewhere."""
    return 0.1 if fault[1] is octaspace.TimeoutError else 30


@pytest.mark.parametrize(("way", "fault"), FAULTS_ON_WAYS, indirect=True)
def test_a_read_survives_the_fault(way: Way, clock: FakeClock, fault: Fault) -> None:
    servers = way.servers(fault[0], after=answer({"fine": True}))
    client = way.client(servers, read_timeout=patience(fault), max_retries=5)
    response = client.send(READ)
    assert response.data == {"fine": True}
    if fault[1] is octaspace.ConnectionError:
        assert response.attempts == 2
        assert len(clock.slept) == (1 if way.endpoints == 1 else 0)  # the next endpoint is called at once
    for pool in client.transport_stats().get("pools", {}).values():
        assert pool["in_use"] == 0
    client.close()
    until(lambda: sum(server.open_count for server in servers) == 0)


@pytest.mark.parametrize(("way", "fault"), FAULTS_ON_WAYS, indirect=True)
def test_a_change_is_sent_once_and_its_error_has_outcome_unknown(
    way: Way, clock: FakeClock, fault: Fault
) -> None:
    servers = way.servers(fault[0], after=answer({"fine": True}))
    client = way.client(servers, read_timeout=patience(fault))
    with pytest.raises(fault[1], match="may have taken effect") as caught:
        client.send(CHANGE)
    assert isinstance(caught.value, octaspace.NetworkError)
    assert caught.value.outcome_unknown
    assert caught.value.attempts == 1
    assert len(arrivals(servers)) <= 1
    assert clock.slept == []
    assert client.transport_stats()["requests"] == 1


@pytest.mark.parametrize("request_", [READ, CHANGE, REBOOT], ids=["get", "post", "reboot"])
def test_any_request_that_was_not_sent_is_retried(way: Way, clock: FakeClock, request_: Request) -> None:
    servers = way.servers()
    client = way.client(servers)
    for server in servers:
        server.refuse()
    with pytest.raises(octaspace.ConnectionError, match="Connection refused") as caught:
        client.send(request_)
    assert isinstance(caught.value, octaspace.NetworkError)
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 3 * way.endpoints
    assert clock.slept == [0.5, 1.0]
    assert arrivals(servers) == []
    servers[-1].listen()
    assert client.send(request_).ok
    assert len(arrivals(servers)) == 1


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_it_arrives_once_when_an_endpoint_comes_back_during_the_wait(
    way: Way, clock: FakeClock, request_: Request
) -> None:
    servers = way.servers(after=answer({"fine": True}))
    client = way.client(servers)
    for server in servers:
        server.refuse()
    clock.on_sleep = servers[0].listen
    assert client.send(request_).data == {"fine": True}
    assert [arrival.method for arrival in arrivals(servers)] == [request_.method]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_retry_status_is_retried_for_reads_only(way: Way, clock: FakeClock, status: int) -> None:
    servers = way.servers(after=answer({"error": "down"}, status=status))
    client = way.client(servers)
    for request, attempts in ((READ, 3), (CHANGE, 1), (REBOOT, 1)):
        with pytest.raises(octaspace.ApiError, match=f"{status}: down") as caught:
            client.send(request)
        assert caught.value.attempts == attempts
    assert clock.slept == [0.5, 1.0]
    assert len(arrivals(servers)) == 5
    asked = [len([a for a in server.journal if a.path == "/nodes"]) for server in servers]
    assert asked == ([3] if way.endpoints == 1 else [2, 1])  # each retry went to the next


def test_connections_are_kept_or_not(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers)
    for _ in range(3 * way.endpoints):
        client.send(READ), client.send(CHANGE)
    each = 1 if way.keep_alive else 6
    assert [server.accepted for server in servers] == [each] * way.endpoints
    assert {arrival.headers["connection"] for arrival in arrivals(servers)} == (
        {"keep-alive"} if way.keep_alive else {"close"}
    )
    stats = client.transport_stats()
    assert (stats["requests"], stats["retries"], stats["failovers"]) == (6 * way.endpoints, 0, 0)
    assert ("rotator" in stats) is (way.endpoints == 2)
    if way.keep_alive:
        figures = {"size": 5, "available": 5, "in_use": 0, "created": 1, "reused": 5}
        assert stats["pools"] == {server.url: figures for server in servers}
    else:
        assert stats["mode"] == "standard"
        until(lambda: sum(server.open_count for server in servers) == 0)


@pytest.mark.parametrize("fate", [close_after_reading, reset_after_reading])
@pytest.mark.parametrize("way", PERSISTENT, indirect=True)
def test_a_connection_closed_at_the_moment_of_reuse(way: Way, clock: FakeClock, fate: Behaviour) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers, max_retries=0)
    for _ in servers:
        client.send(READ)
    for server in servers:
        server.then(fate)
    for _ in servers:
        response = client.send(READ)  # once more, on a fresh connection to the same endpoint
        assert (response.attempts, response.data["connection"]) == (2, 2)
    for server in servers:
        server.then(fate)
    for _ in servers:
        with pytest.raises(octaspace.ConnectionError, match="may have taken effect"):
            client.send(CHANGE)
    stats = client.transport_stats()
    assert (stats["retries"], stats["failovers"]) == (0, 0)
    assert stats.get("rotator", {}).get("failed", []) == []
    assert clock.slept == []
    assert [a.method for a in arrivals(servers)].count("POST") == way.endpoints


@pytest.mark.parametrize("way", PERSISTENT, indirect=True)
def test_a_closed_idle_connection_is_detected_before_reuse(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers)
    for _ in servers:
        client.send(READ)
    for server in servers:
        server.drop_connections()
    until(lambda: sum(server.open_count for server in servers) == 0)
    for _ in servers:
        assert client.send(CHANGE).attempts == 1


def test_the_limit_of_the_whole_call_ends_what_no_single_wait_would(way: Way) -> None:
    servers = way.servers(after=drip(http(), 0.1))  # several seconds, and a busy machine connects in one
    options = {"base_urls": [server.url for server in servers], "keep_alive": way.keep_alive}
    trust: Any = way.bundle if way.tls else True
    for request in (READ, CHANGE):
        client = octaspace.Client(total_timeout=1, ssl_verify=trust, **options)  # type: ignore[arg-type]
        with client, pytest.raises(octaspace.TimeoutError, match="within 1 s") as caught:
            client.send(request)
        assert caught.value.phase == "total"
        assert caught.value.outcome_unknown is (request is CHANGE)


def test_answers_are_not_crossed_between_threads(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers, pool_size=3, pool_timeout=60)
    for _ in servers:  # until then, an endpoint gets one call at a time
        client.send(READ)
    with ThreadPoolExecutor(8) as threads:
        paths = [f"/nodes/{number}" for number in range(64)]
        answers = list(threads.map(lambda path: client.send(Request("GET", path)).data["path"], paths))
    assert answers == paths
    counts = [len(server.journal) for server in servers]
    assert max(counts) - min(counts) <= 1
    if way.keep_alive:
        assert max(server.accepted for server in servers) <= 3
