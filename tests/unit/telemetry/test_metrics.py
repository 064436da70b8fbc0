"""Metrics: calls and attempts, the statistics of clients, and a limited number of series."""

from __future__ import annotations

import gc
import threading
from importlib.metadata import version
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.metrics.export import Histogram, Sum
from packaging.version import Version

import octaspace
from octaspace.observer import StatsSource
from octaspace.telemetry import OpenTelemetryObserver
from octaspace.telemetry.client_metrics import CALL_BUCKETS, WAIT_BUCKETS

from ...support.fault_server import FaultServer, answer, close_after_reading
from ...support.forked_child import in_child
from ...support.gate import Gate
from ...support.telemetry_record import TelemetryRecord
from .conftest import MakeClient

NAME = "octaspace.client"


def test_units_and_kinds(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    server.then(answer(status=503), answer([]), close_after_reading)
    with FaultServer() as dead:
        dead.refuse()
        client = connect(base_urls=[server.url, dead.url], keep_alive=True)
        client.nodes.list()
        with pytest.raises(octaspace.ConnectionError):
            client.services.session("1-2").stop()
    found = record.metrics()
    units = {name.removeprefix(f"{NAME}."): metric.unit for name, metric in found.items()}
    assert units == {
        "call.duration": "s",
        "connection.wait_time": "s",
        "attempts": "{attempt}",
        "retries": "{retry}",
        "failovers": "{failover}",
        "outcome_unknown": "{call}",
        "connection.in_use": "{connection}",
        "connection.max": "{connection}",
        "endpoint.cooldown": "{client}",
    }
    gauges = {"connection.in_use", "connection.max", "endpoint.cooldown"}
    for name in units:
        data = found[f"{NAME}.{name}"].data
        if units[name] == "s":
            assert isinstance(data, Histogram)
        else:
            assert isinstance(data, Sum)
            assert data.is_monotonic is (name not in gauges), name


def test_a_call_and_its_attempts(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    server.then(answer(status=503), answer([]))
    connect(keep_alive=True).nodes.list()
    place = {"server.address": "127.0.0.1", "server.port": server.port}
    common = {"http.request.method": "GET", "octaspace.operation": "nodes.list"}
    assert record.points(f"{NAME}.call.duration") == [
        ({**common, **place, "http.response.status_code": 200}, 1)
    ]
    attempt = {**common, **place}
    assert record.points(f"{NAME}.attempts") == [
        (
            {
                **attempt, "http.response.status_code": 503, "error.type": "503",
                "octaspace.verdict": "retry", "octaspace.connection": "new",
            },
            1,
        ),
        (
            {
                **attempt, "http.response.status_code": 200,
                "octaspace.verdict": "ok", "octaspace.connection": "reused",
            },
            1,
        ),
    ]  # fmt: skip
    assert record.points(f"{NAME}.retries") == [(attempt, 1)]
    assert record.points(f"{NAME}.connection.wait_time") == [(place, 2)]
    assert record.points(f"{NAME}.failovers") == []


def test_boundaries_fit_seconds(connect: MakeClient, record: TelemetryRecord) -> None:
    """Where the API has them. Before, those of the SDK apply, and the count is right all the same."""
    connect(keep_alive=True).nodes.list()
    has_boundaries = Version(version("opentelemetry-api")) >= Version("1.30")
    for name, buckets in (("call.duration", CALL_BUCKETS), ("connection.wait_time", WAIT_BUCKETS)):
        (point,) = record.metrics()[f"{NAME}.{name}"].data.data_points
        assert (tuple(point.explicit_bounds) == buckets) is has_boundaries
        assert point.count == 1
    assert point.bucket_counts[0] == 1  # an attempt that did not wait


def test_an_unknown_outcome_can_be_seen_from_zero(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord
) -> None:
    client = connect()
    client.nodes.list()
    assert record.points(f"{NAME}.outcome_unknown") == []  # a read has no unknown outcome
    session = client.services.session("1-2")
    session.stop()
    assert record.total(f"{NAME}.outcome_unknown") == 0
    server.then(close_after_reading)
    with pytest.raises(octaspace.ConnectionError):
        session.stop()
    assert record.points(f"{NAME}.outcome_unknown") == [
        ({"http.request.method": "POST", "octaspace.operation": "services.session.stop"}, 1)
    ]


def test_a_wait_for_a_connection(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    gate = Gate()
    server.then(gate)
    client = connect(keep_alive=True, pool_size=1)
    first = threading.Thread(target=client.nodes.list)
    first.start()
    assert gate.arrived.acquire(timeout=20)
    assert record.total(f"{NAME}.connection.in_use") == 1
    with pytest.raises(octaspace.TimeoutError) as raised:
        client.with_options(pool_timeout=0.01, max_retries=0).nodes.list()
    assert raised.value.phase == "pool"
    gate.open()
    first.join()
    (point,) = record.metrics()[f"{NAME}.connection.wait_time"].data.data_points
    assert (point.count, point.bucket_counts[0]) == (2, 1)
    assert record.total(f"{NAME}.attempts", error_type="octaspace.errors.TimeoutError") == 1
    assert record.total(f"{NAME}.connection.in_use") == 0


def test_clients_with_the_same_endpoint_add_up(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord
) -> None:
    place = {"server.address": "127.0.0.1", "server.port": server.port}
    first = connect(keep_alive=True, pool_size=3)
    connect(keep_alive=True, pool_size=4)
    first.with_options(read_timeout=5)  # shares the connections of its original
    connect(keep_alive=True, pool_size=5, base_url=f"{server.url}/v1")  # another path of the same server
    assert record.points(f"{NAME}.connection.max") == [(place, 12)]


def test_observers_of_one_provider_share_the_instruments(
    server: FaultServer, record: TelemetryRecord, caplog: pytest.LogCaptureFixture
) -> None:
    clients = [
        octaspace.Client(
            base_url=server.url, keep_alive=True, pool_size=2,
            observers=[OpenTelemetryObserver(record.tracer_provider, record.meter_provider)],
        )
        for _ in range(3)
    ]  # fmt: skip
    for client in clients:
        client.nodes.list()
        client.close()
    assert record.total(f"{NAME}.connection.max") == 6  # and `metrics` refuses a second one of that name
    assert record.total(f"{NAME}.attempts") == 3
    assert not caplog.records


def test_a_deleted_client_is_not_counted(observer: OpenTelemetryObserver, record: TelemetryRecord) -> None:
    client = octaspace.Client(keep_alive=True, pool_size=7, observers=[observer])
    assert record.total(f"{NAME}.connection.max") == 7
    del client
    gc.collect()
    assert record.points(f"{NAME}.connection.max") == []


@pytest.mark.parametrize("keep_alive", [False, True], ids=["standard", "persistent"])
def test_an_endpoint_in_a_cooldown(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord, keep_alive: bool
) -> None:
    with FaultServer() as other:
        urls = [server.url, other.url]
        client = connect(base_urls=urls, keep_alive=keep_alive)
        client.nodes.list()
        assert record.total(f"{NAME}.endpoint.cooldown") == 0
        other.refuse()
        for _ in range(2):
            client.nodes.list()
        assert record.total(f"{NAME}.endpoint.cooldown", server_port=other.port) == 1
        assert record.total(f"{NAME}.endpoint.cooldown", server_port=server.port) == 0
        assert record.total(f"{NAME}.failovers", server_port=other.port) == 1


def test_a_client_with_one_endpoint_has_no_cooldown(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord
) -> None:
    server.refuse()
    with pytest.raises(octaspace.ConnectionError):
        connect(max_retries=0).nodes.list()
    assert record.points(f"{NAME}.endpoint.cooldown") == []


def test_lookups_in_the_cache(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    clients = [connect(cache_ttl=60) for _ in range(2)]
    for client in clients:
        client.apps.list()
        client.apps.list()
    common = {"http.request.method": "GET", "octaspace.operation": "apps.list"}
    assert record.points(f"{NAME}.cache.lookups") == [
        ({**common, "octaspace.cache": result}, 2) for result in ("miss", "hit")
    ]
    assert record.points(f"{NAME}.cache.entries") == [({}, 2)]
    sizes = [client.transport_stats()["cache"]["bytes"] for client in clients]
    assert record.points(f"{NAME}.cache.size") == [({}, sum(sizes))]
    assert record.total(f"{NAME}.attempts") == 2
    assert record.total(f"{NAME}.call.duration", octaspace_cache="hit") == 2
    hit = record.spans[1].attributes or {}
    assert (hit["octaspace.cache"], hit["octaspace.attempts"]) == ("hit", 0)
    assert "server.address" not in hit


def test_figures_of_the_cache(observer: OpenTelemetryObserver, record: TelemetryRecord) -> None:
    figures = [{"cache": {"bytes": 100, "entries": 2}}, {"cache": {"bytes": 11, "entries": 1}}, {}]
    sources = [StatsSource(lambda each=each: each) for each in figures]  # type: ignore[misc]
    for source in sources:
        observer.client_created(source)
    assert record.points(f"{NAME}.cache.size") == [({}, 111)]
    assert record.points(f"{NAME}.cache.entries") == [({}, 3)]
    assert record.metrics()[f"{NAME}.cache.size"].unit == "By"


def test_the_number_of_series_is_limited(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord
) -> None:
    """Hundreds of ids in paths, parameters and answers: the series are those of the operations."""
    client = connect(keep_alive=True, max_retries=0)
    seen = set()
    for number in range(100):
        uuid = str(UUID(int=number))
        ids = {str(number + 100_000), uuid, f"request-{uuid}"}
        seen |= ids
        server.then(answer({"id": number}, headers={"X-Request-Id": f"request-{uuid}"}))
        client.nodes.find(number + 100_000)
        client.services.session(uuid).info()
        client.send(octaspace.Request("GET", f"/nodes/{uuid}", params={"q": uuid}))
        client.send(octaspace.Request(f"X{'ABCDEFGHIJ'[number % 10]}Z", f"/nodes/{uuid}"))
    series = {name: record.points(name) for name in record.metrics()}
    assert record.total(f"{NAME}.attempts") == record.total(f"{NAME}.call.duration") == 400
    # Operation or method; and of the attempts the first one, on a new connection.
    assert len(series[f"{NAME}.call.duration"]) == 4
    assert len(series[f"{NAME}.attempts"]) == 5
    assert sum(map(len, series.values())) <= 15
    values = {str(value) for points in series.values() for found, _ in points for value in found.values()}
    assert not values & seen
    assert len({span.name for span in record.spans}) == 4


def test_threads_count_exactly(connect: MakeClient, record: TelemetryRecord) -> None:
    client = connect(keep_alive=True, pool_size=3)
    collected: list[Any] = []
    done = threading.Event()

    def collect() -> None:
        while not done.is_set():
            collected.append(record.total(f"{NAME}.connection.in_use"))

    def work() -> None:
        for _ in range(20):
            client.with_options(read_timeout=5).nodes.list()

    collector = threading.Thread(target=collect)
    workers = [threading.Thread(target=work) for _ in range(6)]
    for thread in (collector, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    done.set()
    collector.join()
    assert record.total(f"{NAME}.attempts") == record.total(f"{NAME}.call.duration") == 120
    assert set(collected) <= {0, 1, 2, 3}


def test_a_forked_child_does_not_wait_for_the_lock(
    server: FaultServer, observer: OpenTelemetryObserver
) -> None:
    def use() -> bool:
        with octaspace.Client(base_url=server.url, observers=[observer]) as client:
            return client.nodes.list().ok

    with observer._metrics._lock:  # as if another thread held it
        assert in_child(use) is True


def test_exemplars_name_the_trace_of_the_call(connect: MakeClient, record: TelemetryRecord) -> None:
    connect().nodes.list()
    (point,) = record.metrics()[f"{NAME}.call.duration"].data.data_points
    assert [(each.trace_id, each.span_id) for each in point.exemplars] == [
        (record.span.context.trace_id, record.span.context.span_id)
    ]
