"""The package `octaspace.telemetry`: what it needs, and the names that it uses."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes
from opentelemetry.semconv.schemas import Schemas
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def link_distributions(folder: Path, *names: str) -> set[str]:
    """Put installed packages and what they require into a folder, and return their names."""
    wanted, found = list(names), set()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        package = distribution(name)
        for file in package.files or ():
            source, target = Path(str(package.locate_file(file))), folder / file
            if ".." not in file.parts and not target.exists() and source.suffix != ".pyc":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source)
        for line in package.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                wanted.append(canonicalize_name(needed.name))
    return found


def test_it_needs_the_api_only(tmp_path: Path) -> None:
    """Without an SDK nothing is recorded, and a span context that came from elsewhere is kept."""
    found = link_distributions(tmp_path, "requests", "cachetools", "typing-extensions", "opentelemetry-api")
    assert [name for name in found if name.startswith("opentelemetry")] == ["opentelemetry-api"]
    program = f"""
import sys
sys.path += {[str(tmp_path), str(ROOT)]!r}
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
try:
    import opentelemetry.sdk
except ImportError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.split(), done.stderr) == (["200", "[7]", "opentelemetry.sdk"], "")


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


def test_global_providers_may_be_set_after_the_observer() -> None:
    said = output_of(
        """
import json
import octaspace
from octaspace.sandbox import SandboxServer
from octaspace.telemetry import OpenTelemetryObserver
from opentelemetry import metrics, trace
from tests.support.telemetry_record import TelemetryRecord

record = TelemetryRecord()
with SandboxServer(ports=(0,)) as sandbox:
    options = {"api_key": "key", "base_url": sandbox.url, "keep_alive": True, "pool_size": 2}
    early = octaspace.Client(observers=[OpenTelemetryObserver()], **options)
    early.nodes.list()
    trace.set_tracer_provider(record.tracer_provider)
    metrics.set_meter_provider(record.meter_provider)
    late = octaspace.Client(observers=[OpenTelemetryObserver()], **options)
    observer = OpenTelemetryObserver(meter_provider=record.meter_provider)
    named = octaspace.Client(observers=[observer], **options)
    for client in (early, late, named):
        client.nodes.list()
    figures = [record.total(f"octaspace.client.{name}") for name in ("attempts", "connection.max")]
    print(json.dumps([len(record.spans), *figures]))
"""
    )
    assert said.split() == ["[3,", "3,", "6]"]
