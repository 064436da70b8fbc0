"""The package `octaspace.telemetry`: what it needs, and the names that it uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas

from octaspace.observer import StatsObserver
from octaspace.telemetry import OpenTelemetryObserver
from octaspace.telemetry.attributes import SCHEMA_URL
from octaspace.telemetry.attributes import server_attributes as attributes_of_server

from ...support.telemetry_record import TelemetryRecord
from .conftest import MakeClient

ROOT = Path(__file__).parents[3]

#: Names that the conventions define.
CONVENTIONS = {
    str(value)
    for module in (error_attributes, http_attributes, server_attributes)
    for value in vars(module).values()
    if isinstance(value, str)
}


def output_of(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout


def test_a_missing_package_is_named_with_the_extra() -> None:
    said = output_of(
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "try:\n    import octaspace.telemetry\nexcept ImportError as error:\n    print(error)\n"
    )
    assert 'pip install "Flask-OctaSpace[otel]"' in said
    assert "opentelemetry-api" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("module", ["octaspace", "flask_octaspace"])
def test_nothing_else_loads_it(module: str) -> None:
    loaded = output_of(f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert not [name for name in loaded if name.startswith(("opentelemetry", "octaspace.telemetry"))]


def test_it_needs_the_api_only() -> None:
    """Without an SDK nothing is recorded, and a span context that came from elsewhere is kept."""
    said = output_of(
        """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.semconv"] = None
import octaspace
from octaspace.sandbox import SandboxServer
from octaspace.telemetry import OpenTelemetryObserver
from opentelemetry import context, trace

received = trace.SpanContext(7, 9, is_remote=True, trace_flags=trace.TraceFlags(1))
context.attach(trace.set_span_in_context(trace.NonRecordingSpan(received)))
seen = []
with SandboxServer(ports=(0,)) as sandbox, octaspace.Client(
    "key", base_url=sandbox.url, observers=[OpenTelemetryObserver()],
    on_request=lambda _: seen.append(trace.get_current_span().get_span_context().trace_id),
) as client:
    print(client.nodes.list().status, seen)
"""
    )
    assert said.split() == ["200", "[7]"]


def test_the_observer_is_one() -> None:
    assert isinstance(OpenTelemetryObserver(), StatsObserver)


def test_names_are_those_of_the_conventions(connect: MakeClient, record: TelemetryRecord) -> None:
    assert SCHEMA_URL in {schema.value for schema in Schemas}
    connect().nodes.list()
    used = {*(record.span.attributes or {}), *(record.span.events[0].attributes or {})}
    for points in map(record.points, record.metrics()):
        used |= {name for attributes, _ in points for name in attributes}
    assert used
    assert {name for name in used if not name.startswith("octaspace.")} <= CONVENTIONS
    scope = record.span.instrumentation_scope
    assert scope is not None
    assert scope.schema_url == SCHEMA_URL


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("https://api.octa.space", "api.octa.space", 443),
        ("http://api.octa.space/v1", "api.octa.space", 80),
        ("https://api.octa.space:8443", "api.octa.space", 8443),
        ("http://[::1]:8080", "::1", 8080),
    ],
)
def test_host_and_port_of_an_endpoint(url: str, address: str, port: int) -> None:
    assert attributes_of_server(url) == {"server.address": address, "server.port": port}
