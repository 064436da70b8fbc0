"""Spans: one for each call, current while it runs, with its attempts as events."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

import octaspace
from octaspace.telemetry import OpenTelemetryObserver

from ...support.fault_server import FaultServer, answer, close_after_reading
from ...support.telemetry_record import TelemetryRecord
from .conftest import MakeClient

KEY = "sk-telemetry-0123456789"
UUID = "3f2c8a54-0f43-4a8c-9d0e-1b2a3c4d5e6f"


def attributes_of(thing: Any) -> dict[str, Any]:
    return dict(thing.attributes or {})


def test_a_call(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    server.then(answer([{"id": 7}], headers={"X-Request-Id": "req-1"}))
    connect().nodes.list()
    span = record.span
    assert (span.name, span.kind, span.status.status_code) == (
        "octaspace nodes.list",
        SpanKind.INTERNAL,
        StatusCode.UNSET,
    )
    assert attributes_of(span) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "octaspace.operation": "nodes.list",
        "octaspace.attempts": 1,
        "octaspace.retries": 0,
        "octaspace.failovers": 0,
        "octaspace.outcome_unknown": False,
        "octaspace.request_id": "req-1",
    }
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("octaspace", octaspace.__version__)


def test_attempts_are_events(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    server.then(answer(status=503, headers={"X-Request-Id": "one"}), answer([]))
    connect(keep_alive=True).nodes.list()
    span = record.span
    assert attributes_of(span)["octaspace.retries"] == attributes_of(span)["http.request.resend_count"] == 1
    first, second = span.events
    assert first.name == second.name == "octaspace.attempt"
    expected = {
        "octaspace.attempt.number": 1,
        "octaspace.endpoint": server.url,
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 503,
        "error.type": "503",
        "octaspace.verdict": "retry",
        "octaspace.wait": 0.0,
        "octaspace.connection": "new",
        "octaspace.connection_wait": 0.0,
        "octaspace.request_id": "one",
    }
    found = attributes_of(first)
    assert found.pop("octaspace.duration") > 0
    assert found == expected
    found = attributes_of(second)
    assert (found["octaspace.verdict"], found["octaspace.connection"]) == ("ok", "reused")
    assert "error.type" not in found
    assert "octaspace.request_id" not in attributes_of(span)  # the last attempt has none


def test_a_failover(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    with FaultServer() as dead:
        dead.refuse()
        connect(base_urls=[dead.url, server.url]).nodes.list()
        first, second = map(attributes_of, record.span.events)
        assert first["error.type"] == "octaspace.errors.ConnectionError"
        assert (first["server.port"], first["octaspace.verdict"]) == (dead.port, "failover")
        assert first["octaspace.cooldown"] == 30
        assert first["octaspace.reason"]
        assert "http.response.status_code" not in first
        assert second["server.port"] == server.port
        found = attributes_of(record.span)
        assert (found["octaspace.failovers"], found["server.port"]) == (1, server.port)


@pytest.mark.parametrize(
    ("status", "kind", "name"), [(404, octaspace.NotFoundError, "404"), (503, octaspace.ServerError, "503")]
)
def test_the_error_type_of_an_answer_is_its_status(
    connect: MakeClient, server: FaultServer, record: TelemetryRecord,
    status: int, kind: type[octaspace.Error], name: str,
) -> None:  # fmt: skip
    server.then(answer({"error": f"no such {KEY}"}, status=status))
    with pytest.raises(kind) as raised:
        connect(max_retries=0).nodes.find(7)
    span = record.span
    assert attributes_of(span)["error.type"] == name
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == str(raised.value)
    assert KEY not in span.to_json()


def test_a_lost_answer_to_a_change(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    server.then(close_after_reading)
    with pytest.raises(octaspace.ConnectionError):
        connect().services.session(UUID).stop()
    span = record.span
    assert span.name == "octaspace services.session.stop"
    found = attributes_of(span)
    assert found["error.type"] == "octaspace.errors.ConnectionError"
    assert found["octaspace.outcome_unknown"] is True
    assert "http.response.status_code" not in found
    assert UUID not in span.name + str(found)


def test_a_rejection_in_a_2xx(connect: MakeClient, server: FaultServer, record: TelemetryRecord) -> None:
    """Q2."""
    server.then(answer([{"id": 0, "node_id": 7, "status": 3, "reason": "node is busy"}]))
    with pytest.raises(octaspace.ProvisionRejectedError):
        connect().services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    found = attributes_of(record.span)
    assert (found["http.response.status_code"], found["error.type"]) == (
        200,
        "octaspace.errors.ProvisionRejectedError",
    )


@pytest.mark.parametrize(
    ("method", "name", "original"),
    [
        ("GET", "octaspace GET", None),
        ("OPTIONS", "octaspace OPTIONS", None),
        ("FIND", "octaspace _OTHER", "FIND"),
    ],
)
def test_a_request_of_the_user(
    connect: MakeClient, record: TelemetryRecord, method: str, name: str, original: str | None
) -> None:
    connect().send(octaspace.Request(method, f"/nodes/{UUID}"))
    span = record.span
    assert span.name == name
    assert attributes_of(span).get("http.request.method_original") == original
    assert "octaspace.operation" not in attributes_of(span)
    assert UUID not in span.to_json()


def test_what_a_hook_raises_has_its_class_only(connect: MakeClient, record: TelemetryRecord) -> None:
    def refuse(_: Any) -> None:
        raise LookupError(f"not with {KEY}")

    with pytest.raises(LookupError):
        connect(on_request=refuse).nodes.list()
    span = record.span
    assert (span.status.description, attributes_of(span)["error.type"]) == ("LookupError", "LookupError")
    assert attributes_of(span)["octaspace.attempts"] == 0
    assert KEY not in span.to_json()


def test_an_interrupted_call(connect: MakeClient, record: TelemetryRecord) -> None:
    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connect(on_response=interrupt).nodes.list()
    assert record.span.status.status_code is StatusCode.ERROR
    assert attributes_of(record.span)["error.type"] == "KeyboardInterrupt"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_spans_of_nested_calls_are_nested(connect: MakeClient, record: TelemetryRecord) -> None:
    inner = connect()

    def check_balance(_: Any) -> None:
        inner.accounts.balance()

    tracer = record.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("order") as order:
        connect(on_response=check_balance).nodes.list()
        assert trace.get_current_span() is order
    balance, nodes, outer = record.spans
    assert [balance.name, nodes.name] == ["octaspace accounts.balance", "octaspace nodes.list"]
    assert balance.parent is not None
    assert nodes.parent is not None
    assert balance.parent.span_id == nodes.context.span_id
    assert nodes.parent.span_id == outer.context.span_id
    assert len({span.context.trace_id for span in record.spans}) == 1


def test_threads_do_not_share_a_current_span(connect: MakeClient, record: TelemetryRecord) -> None:
    client = connect(keep_alive=True, pool_size=4)
    tracer = record.tracer_provider.get_tracer("app")
    started = threading.Barrier(8)

    def work(number: int) -> None:
        started.wait()
        with tracer.start_as_current_span(f"work {number}"):
            for _ in range(5):
                client.nodes.list()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outer = {span.context.span_id: span.name for span in record.spans if span.name.startswith("work")}
    children = [span.parent.span_id for span in record.spans if span.parent is not None]
    assert {name: children.count(span_id) for span_id, name in outer.items()} == {
        f"work {number}": 5 for number in range(8)
    }


def test_a_span_that_is_not_sampled_costs_no_attributes(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = TelemetryRecord(sampler=ALWAYS_OFF)
    observer = OpenTelemetryObserver(record.tracer_provider, record.meter_provider)
    described: list[str] = []
    for name in ("_call_attributes", "_attempt_attributes"):
        monkeypatch.setattr(
            f"octaspace.telemetry.client_spans.{name}", lambda *_, name=name: described.append(name) or {}
        )
    sampled: list[bool] = []
    with octaspace.Client(
        base_url=server.url,
        observers=[observer],
        on_request=lambda _: sampled.append(trace.get_current_span().get_span_context().trace_flags.sampled),
    ) as client:
        client.nodes.list()
    assert sampled == [False]  # and not that of the parent: what is not sampled has no sampled children
    assert described == record.spans == []
    assert record.total("octaspace.client.attempts") == 1
    record.shutdown()


class _Failing(SpanProcessor):
    """A processor that raises in one of its methods."""

    def __init__(self, method: str) -> None:
        self._method = method

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self._method == "on_start":
            raise RuntimeError("on_start")

    def on_end(self, span: ReadableSpan) -> None:
        if self._method == "on_end":
            raise RuntimeError("on_end")


@pytest.mark.parametrize("method", ["on_start", "on_end"])
def test_a_failing_processor_changes_neither_call_nor_context(
    connect: MakeClient, record: TelemetryRecord, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    record.tracer_provider.add_span_processor(_Failing(method))
    before = trace.get_current_span()
    client = connect()
    for _ in range(3):
        assert client.nodes.list().status == 200
        assert trace.get_current_span() is before
    assert len([line for line in caplog.records if "OpenTelemetryObserver raised" in line.getMessage()]) == 1
    assert record.total("octaspace.client.call.duration") == 3


def test_failing_metrics_do_not_leave_a_span_open(
    connect: MakeClient, record: TelemetryRecord, observer: OpenTelemetryObserver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(_: Any) -> None:
        raise RuntimeError("metrics")

    for method in ("attempt_finished", "call_finished"):
        monkeypatch.setattr(observer._metrics, method, fail)
    before = trace.get_current_span()
    connect().nodes.list()
    assert trace.get_current_span() is before
    assert record.span.name == "octaspace nodes.list"
    assert not observer._spans._running


def test_names_of_operations_hold_no_id(connect: MakeClient, record: TelemetryRecord) -> None:
    client = connect(max_retries=0)
    calls: Sequence[Any] = (
        lambda: client.nodes.find(71),
        lambda: client.nodes.reboot(71),
        lambda: client.services.session(UUID).info(),
        lambda: client.services.session(UUID).logs(),
        lambda: client.idle_jobs.find(node_id=71, job_id=72),
    )
    for call in calls:
        call()
    names = [span.name for span in record.spans]
    assert len(set(names)) == len(calls)
    assert not [name for name in names if not re.fullmatch(r"octaspace [a-z_]+(\.[a-z_]+)+", name)]
