"""The oldest OpenTelemetry that the extra `otel` allows: the tests of `octaspace.telemetry` with it."""

# /// script
# dependencies = [
#   "opentelemetry-api==1.28.0", "opentelemetry-sdk==1.28.0", "opentelemetry-semantic-conventions==0.49b0",
#   "opentelemetry-instrumentation-requests==0.49b0", "opentelemetry-instrumentation==0.49b0",
#   "opentelemetry-util-http==0.49b0", "wrapt==1.17.3",
# ]
# [tool.world]
# pytest = ["tests/unit/telemetry"]
# ///

from __future__ import annotations

import re
from importlib.metadata import version

from opentelemetry.instrumentation.requests import RequestsInstrumentor

import octaspace
from octaspace.telemetry import OpenTelemetryObserver
from tests.support.fault_server import answer
from tests.support.telemetry_record import TelemetryRecord

from .conftest import Secure
from .environments import ROOT


def test_it_is_the_lower_bound() -> None:
    (lowest,) = re.findall(r'"opentelemetry-api>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert version("opentelemetry-api") == f"{lowest}.0"


def test_attempts_are_children_of_the_call(way: Secure) -> None:
    record = TelemetryRecord()
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=record.tracer_provider, meter_provider=record.meter_provider)
    server = way.server(answer(status=503), answer([]))
    observer = OpenTelemetryObserver(record.tracer_provider, record.meter_provider)
    with octaspace.Client(
        base_url=server.url, retry_interval=0, observers=[observer], **way.options
    ) as client:
        client.nodes.list()
    instrumentor.uninstrument()
    *attempts, call = record.spans
    assert call.name == "octaspace nodes.list"
    assert [span.parent.span_id for span in attempts if span.parent] == [call.context.span_id] * 2
    record.shutdown()
