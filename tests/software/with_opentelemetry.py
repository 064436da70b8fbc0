"""OpenTelemetry's instrumentation of requests: one span for each attempt, and no key in any."""

# /// script
# dependencies = ["opentelemetry-instrumentation-requests", "opentelemetry-sdk"]
# ///

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import octaspace
from tests.support.fault_server import answer

from .conftest import Secure


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()


@pytest.mark.parametrize("keep_alive", [False, True], ids=["standard", "persistent"])
def test_each_attempt_is_a_span(way: Secure, spans: InMemorySpanExporter, keep_alive: bool) -> None:
    server = way.server(answer(status=503), answer([{"id": 7}]))
    with octaspace.Client(
        "sk-secret", base_url=server.url, keep_alive=keep_alive, retry_interval=0, **way.options
    ) as client:
        assert client.nodes.list().attempts == 2
    found = spans.get_finished_spans()
    assert len(found) == 2
    # Each span is propagated to the server, so that its spans become children.
    assert len({arrival.headers["traceparent"] for arrival in server.journal}) == 2
    assert "sk-secret" not in "".join(span.to_json() for span in found)
