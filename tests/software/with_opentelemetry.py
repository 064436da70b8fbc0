"""OpenTelemetry's instrumentations of requests and Flask: one trace from the browser to the attempts."""

# /// script
# dependencies = [
#   "opentelemetry-instrumentation-requests", "opentelemetry-instrumentation-flask", "opentelemetry-sdk",
# ]
# ///

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.trace import SpanKind
from werkzeug.serving import make_server

import octaspace
from flask_octaspace import OctaSpace, current_octaspace
from octaspace.telemetry import OpenTelemetryObserver
from tests.support.fault_server import FaultServer, answer
from tests.support.telemetry_record import TelemetryRecord

from .conftest import Secure

KEY = "sk-secret-0123456789"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Iterator[TelemetryRecord]:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    record = TelemetryRecord()
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=record.tracer_provider, meter_provider=record.meter_provider)
    yield record
    instrumentor.uninstrument()
    record.shutdown()


@pytest.fixture
def observer(record: TelemetryRecord) -> OpenTelemetryObserver:
    return OpenTelemetryObserver(record.tracer_provider, record.meter_provider)


@pytest.mark.parametrize("keep_alive", [False, True], ids=["standard", "persistent"])
def test_each_attempt_is_a_span(way: Secure, record: TelemetryRecord, keep_alive: bool) -> None:
    server = way.server(answer(status=503), answer([{"id": 7}]))
    with octaspace.Client(
        KEY, base_url=server.url, keep_alive=keep_alive, retry_interval=0, **way.options
    ) as client:
        assert client.nodes.list().attempts == 2
    assert len(record.spans) == 2
    # Each span is propagated to the server, so that its spans become children.
    assert len({arrival.headers["traceparent"] for arrival in server.journal}) == 2
    assert KEY not in "".join(span.to_json() for span in record.spans)


@pytest.mark.parametrize("keep_alive", [False, True], ids=["standard", "persistent"])
def test_attempts_are_children_of_the_call(
    way: Secure, record: TelemetryRecord, observer: OpenTelemetryObserver, keep_alive: bool
) -> None:
    server = way.server(answer(status=503), answer([{"id": 7}]))
    with octaspace.Client(
        KEY, base_url=server.url, keep_alive=keep_alive, retry_interval=0, observers=[observer], **way.options
    ) as client:
        client.nodes.list()
    first, second, call = record.spans
    assert (call.name, call.kind, call.parent) == ("octaspace nodes.list", SpanKind.INTERNAL, None)
    for span in (first, second):
        assert span.kind is SpanKind.CLIENT
        assert span.parent is not None
        assert span.parent.span_id == call.context.span_id
    sent = [arrival.headers["traceparent"].split("-")[1:3] for arrival in server.journal]
    assert sent == [
        [f"{call.context.trace_id:032x}", f"{span.context.span_id:016x}"] for span in (first, second)
    ]
    assert KEY not in "".join(span.to_json() for span in record.spans)


def test_calls_and_attempts_are_counted_once(
    way: Secure, record: TelemetryRecord, observer: OpenTelemetryObserver
) -> None:
    server = way.server(answer(status=503), answer([]))
    with octaspace.Client(
        KEY, base_url=server.url, retry_interval=0, observers=[observer], **way.options
    ) as client:
        client.nodes.list()
        client.nodes.list()
    assert record.total("octaspace.client.call.duration") == 2
    assert record.total("octaspace.client.attempts") == 3
    assert record.total("http.client.request.duration") == 3
    assert record.total("http.client.request.duration", http_response_status_code=503) == 1


def test_threads(way: Secure, record: TelemetryRecord, observer: OpenTelemetryObserver) -> None:
    server = way.server(after=answer([]))
    with octaspace.Client(
        KEY, base_url=server.url, keep_alive=True, pool_size=3, observers=[observer], **way.options
    ) as client:
        threads = [threading.Thread(target=lambda: [client.nodes.list() for _ in range(5)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    calls = {span.context.span_id for span in record.spans if span.kind is SpanKind.INTERNAL}
    attempts = [span for span in record.spans if span.kind is SpanKind.CLIENT]
    assert len(calls) == len(attempts) == 30
    assert {span.parent.span_id for span in attempts if span.parent is not None} == calls
    assert len({span.context.trace_id for span in attempts}) == 30


@dataclass
class Site:
    """A Flask app that lists nodes, served by threads.

    Attributes:
        port: Its port.
        api: The API that it uses.
    """

    port: int
    api: FaultServer

    def visit(self, path: str, **headers: str) -> int:
        """Send a request as a browser does, without instrumentation, and return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def site(way: Secure, record: TelemetryRecord, observer: OpenTelemetryObserver) -> Iterator[Site]:
    api = way.server(after=answer([{"id": 7}]))
    app = Flask("shop")
    FlaskInstrumentor().instrument_app(
        app, tracer_provider=record.tracer_provider, meter_provider=record.meter_provider
    )
    OctaSpace(
        app, api_key=KEY, base_url=api.url, keep_alive=True, retry_interval=0, observers=[observer],
        **way.options,
    )  # fmt: skip

    @app.get("/market/<place>")
    def market(place: str) -> dict[str, Any]:
        return {"place": place, "attempts": current_octaspace.nodes.list().attempts}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(server.server_port, api)
    server.shutdown()
    thread.join()
    server.server_close()
    FlaskInstrumentor().uninstrument_app(app)


def test_one_trace_from_the_browser_to_the_attempts(site: Site, record: TelemetryRecord) -> None:
    trace_id, parent_id = 0xABCDEF0123456789ABCDEF0123456789, 0x0123456789ABCDEF
    site.api.then(answer(status=503))
    assert site.visit("/market/berlin", traceparent=f"00-{trace_id:032x}-{parent_id:016x}-01") == 200
    first, second, call, page = record.spans
    assert [span.kind for span in record.spans] == [
        SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.SERVER,
    ]  # fmt: skip
    assert {span.context.trace_id for span in record.spans} == {trace_id}
    assert call.name == "octaspace nodes.list"
    parents = [span.parent.span_id for span in record.spans if span.parent is not None]
    assert parents == [call.context.span_id, call.context.span_id, page.context.span_id, parent_id]
    sent = [arrival.headers["traceparent"].split("-")[1:3] for arrival in site.api.journal]
    assert sent == [[f"{trace_id:032x}", f"{span.context.span_id:016x}"] for span in (first, second)]
    assert KEY not in "".join(span.to_json() for span in record.spans)


def test_visitors_at_the_same_time_have_separate_traces(site: Site, record: TelemetryRecord) -> None:
    threads = [
        threading.Thread(target=lambda place=place: [site.visit(f"/market/{place}") for _ in range(4)])
        for place in ("berlin", "lima", "oslo", "quito")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds: dict[int, list[SpanKind]] = {}
    for span in record.spans:
        kinds.setdefault(span.context.trace_id, []).append(span.kind)
    assert list(kinds.values()) == [[SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.SERVER]] * 16
    assert record.total("octaspace.client.call.duration") == 16
    assert record.total("http.server.request.duration") == 16
