"""The tables of docs/observability.md list the metrics, attributes and fields that exist."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Histogram, Metric, Sum
from opentelemetry.sdk.trace import ReadableSpan

import octaspace
from octaspace.observer import StatsSource
from octaspace.telemetry import OpenTelemetryObserver

from ..support.fault_server import FaultServer, answer, close_after_reading, stall
from ..support.telemetry_record import TelemetryRecord

FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (FOLDER / "observability.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    found = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert len(found) == 1, heading
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found[0].splitlines()]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def first_column(heading: str) -> set[str]:
    return {name for row in table(heading) for name in names(row[0])}


@dataclasses.dataclass
class Recorded:
    """Calls with every metric and every attribute."""

    metrics: dict[str, Metric]
    spans: list[ReadableSpan]


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    record = TelemetryRecord()
    observer = OpenTelemetryObserver(record.tracer_provider, record.meter_provider)
    options: dict[str, Any] = {"keep_alive": True, "retry_interval": 0, "observers": [observer]}
    with (
        FaultServer() as server,
        FaultServer() as dead,
        octaspace.Client(base_urls=[server.url, dead.url], **options) as client,
        octaspace.Client(base_url=server.url, max_retries=0, **options) as other,
    ):
        dead.refuse()
        server.then(answer(status=503), answer([], headers={"X-Request-Id": "one"}))
        client.nodes.list()
        client.send(octaspace.Request("FIND", "/nodes"))
        server.then(close_after_reading)
        with pytest.raises(octaspace.ConnectionError):
            client.services.session("1-2").stop()
        server.then(stall)
        with pytest.raises(octaspace.TimeoutError):
            other.with_options(read_timeout=0.05).nodes.list()
        cache = StatsSource(lambda: {"cache": {"bytes": 10, "entries": 1}})
        observer.client_created(cache)
        answer_from_cache(observer)
        yield Recorded(record.metrics(), record.spans)
    record.shutdown()


def answer_from_cache(observer: OpenTelemetryObserver) -> None:
    request = octaspace.Request("GET", "/apps", operation="apps.list", cacheable=True)
    observer.call_started(octaspace.CallStarted(0, request))
    observer.call_finished(
        octaspace.CallFinished(
            call_id=0, request=request, status=200, error=None, attempts=0, retries=0, failovers=0,
            elapsed=0.0, endpoint=None, cache="hit",
        )
    )  # fmt: skip


def kind_of(metric: Metric) -> str:
    if isinstance(metric.data, Histogram):
        return "histogram"
    assert isinstance(metric.data, Sum)
    return "counter" if metric.data.is_monotonic else "gauge"


def test_metrics(recorded: Recorded) -> None:
    exist = recorded.metrics
    rows = {row[0].strip("`"): row for row in table("metric")}
    assert set(rows) == set(exist)
    for name, (_, kind, unit, attributes, _) in rows.items():
        metric = exist[name]
        assert (kind, unit.strip("`")) == (kind_of(metric), metric.unit), name
        used = {key for point in metric.data.data_points for key in point.attributes or {}}
        assert names(attributes) == used, name


def test_attributes_of_spans_and_events(recorded: Recorded) -> None:
    spans = {name for span in recorded.spans for name in span.attributes or {}}
    assert first_column("attribute") == spans
    events = {name for span in recorded.spans for event in span.events for name in event.attributes or {}}
    assert first_column("attribute of the event") == events


@pytest.mark.parametrize(
    "kind", [octaspace.AttemptFinished, octaspace.CallFinished], ids=lambda kind: kind.__name__
)
def test_fields_of_events(kind: Any) -> None:
    fields = {field.name for field in dataclasses.fields(kind) if not field.name.startswith("_")}
    properties = {name for name, member in vars(kind).items() if isinstance(member, property)}
    in_text = {"call_id", "request", "operation"}
    assert first_column(f"field of `{kind.__name__}`") == (fields | properties) - in_text


def test_queries_name_metrics_that_exist(recorded: Recorded) -> None:
    """The rules and the dashboard: each name is that of a metric, with the endings of Prometheus."""
    endings = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}
    units = {"s": "_seconds", "By": "_bytes"}
    exist = {
        name.replace(".", "_") + units.get(metric.unit or "", "") + ending
        for name, metric in recorded.metrics.items()
        for ending in endings[kind_of(metric)]
    }
    dashboard = json.loads((FOLDER / "observability" / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = (FOLDER / "observability" / "alerts.yml").read_text()
    for text in (rules, PAGE, *queries):
        named = set(re.findall(r"\boctaspace_client_\w+", text))
        assert named
        assert named <= exist
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_each_file_is_on_the_page() -> None:
    linked = set(re.findall(r"<observability/([\w.]+)>`", PAGE))
    included = set(re.findall(r"^```\{literalinclude\} observability/([\w.]+)$", PAGE, re.MULTILINE))
    files = {path.name for path in (FOLDER / "observability").iterdir() if path.is_file()}
    assert linked == files
    assert files - included == {"alerts_test.yml", "dashboard.json"}
