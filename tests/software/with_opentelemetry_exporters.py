"""The examples of docs/observability.md: OTLP to a receiver, and metrics that a real Prometheus reads."""

# /// script
# dependencies = [
#   "opentelemetry-exporter-prometheus", "opentelemetry-exporter-otlp-proto-http",
#   "opentelemetry-instrumentation-flask", "opentelemetry-instrumentation-requests",
# ]
# ///

from __future__ import annotations

import http.client
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from octaspace.sandbox import SandboxServer
from tests.support.programs import find_program
from tests.support.running_playground import free_port
from tests.support.server_process import ServerProcess
from tests.support.waiting import until

from .environments import ROOT

PAGE = ROOT / "docs" / "observability"
KEY = "sk-secret-0123456789"


def fetch(port: int, path: str, method: str = "GET", **parameters: str) -> tuple[int, str]:
    """Status and body of an answer of a server on this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, f"{path}?{urlencode(parameters)}" if parameters else path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def process(command: list[str], port: int, log: Path, **variables: str) -> ServerProcess:
    """A server in the folder of the examples."""
    environment = [f"{name}={value}" for name, value in variables.items()]
    return ServerProcess(["/usr/bin/env", "-C", str(PAGE), *environment, *command], ("127.0.0.1", port), log)


class Receiver:
    """Receives OTLP over HTTP, as a collector does.

    Attributes:
        spans: The spans that have arrived.
        metrics: Names and units of the metrics that have arrived.
        instances: `service.instance.id` of each process that has sent metrics.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, str] = {}
        self.instances: set[str] = set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in sent.scope_spans:
                    self.spans.extend(scope.spans)
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
                self.instances.add(attributes["service.instance.id"])
                for group in resource.scope_metrics:
                    self.metrics.update({metric.name: metric.unit for metric in group.metrics})

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def endpoints() -> Iterator[SandboxServer]:
    with SandboxServer(ports=(0, 0)) as server:
        yield server


def otlp_variables(receiver: Receiver, sandbox: SandboxServer) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "OCTA_API_KEY": KEY,
        "FLASK_OCTASPACE_BASE_URL": sandbox.url,
        "FLASK_OCTASPACE_RETRY_INTERVAL": "0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
    }


def test_otlp(endpoints: SandboxServer, receiver: Receiver, tmp_path: Path) -> None:
    endpoints.faults.add("status", status=503, count=1)
    port = free_port()
    variables = otlp_variables(receiver, endpoints) | {"PORT": str(port), "OTEL_SERVICE_NAME": "shop"}
    with process([sys.executable, "otlp_app.py"], port, tmp_path / "app.log", **variables):
        assert fetch(port, "/nodes")[0] == 200
        until(lambda: len(receiver.spans) >= 4)
        until(
            lambda: (
                {"octaspace.client.call.duration", "http.client.request.duration"} <= set(receiver.metrics)
            )
        )
    by_kind = {span.kind: span for span in receiver.spans}
    call, page = by_kind[Span.SPAN_KIND_INTERNAL], by_kind[Span.SPAN_KIND_SERVER]
    attempts = [span for span in receiver.spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert (call.name, call.parent_span_id) == ("octaspace nodes.list", page.span_id)
    assert [span.parent_span_id for span in attempts] == [call.span_id] * 2
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert [event.name for event in call.events] == ["octaspace.attempt"] * 2
    assert receiver.metrics["octaspace.client.connection.max"] == "{connection}"
    assert len(receiver.instances) == 1
    assert KEY not in str(receiver.spans)


def test_gunicorn_with_two_workers(endpoints: SandboxServer, receiver: Receiver, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "-b", f"127.0.0.1:{port}"]
    command += ["--no-control-socket", "otlp_app:create_app()"]
    variables = otlp_variables(receiver, endpoints)
    with process(command, port, tmp_path / "gunicorn.log", **variables):
        assert fetch(port, "/nodes")[0] == 200
        until(lambda: len(receiver.spans) == 3)
        assert len({span.trace_id for span in receiver.spans}) == 1
        # While one worker waits, the other one answers.
        endpoints.faults.add("slow", seconds=0.1)
        with ThreadPoolExecutor(2) as visitors:
            until(
                lambda: list(visitors.map(fetch, [port] * 2, ["/nodes"] * 2)) and len(receiver.instances) == 2
            )


def test_the_collector_configuration_is_complete() -> None:
    """There is no collector here: each part that a pipeline names is configured, and ports match."""
    config: dict[str, Any] = yaml.safe_load((PAGE / "collector.yaml").read_text())
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert pipeline[kind]
            assert set(pipeline[kind]) <= set(config[kind]), kind
    used = {kind: {name for each in config["service"]["pipelines"].values() for name in each[kind]}
            for kind in ("receivers", "processors", "exporters")}  # fmt: skip
    assert used == {kind: set(config[kind]) for kind in used}
    scraped = yaml.safe_load((PAGE / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    assert scraped == [{"targets": [config["exporters"]["prometheus"]["endpoint"]]}]
    assert config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")  # OTLP's port


@pytest.mark.parametrize(
    "words", ["check config prometheus.yml", "check rules alerts.yml", "test rules alerts_test.yml"]
)
def test_promtool_accepts_the_files(words: str) -> None:
    program = find_program("promtool", "prometheus")
    done = subprocess.run([program, *words.split()], cwd=PAGE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A real Prometheus with the configuration of the page, at short intervals.

    Args:
        folder: Where its files go.
        target: The port that it reads metrics from.
    """

    def __init__(self, folder: Path, target: int) -> None:
        config = (PAGE / "prometheus.yml").read_text()
        assert config.count("15s") == 2
        assert "127.0.0.1:9464" in config
        config = config.replace("15s", "200ms").replace("127.0.0.1:9464", f"127.0.0.1:{target}")
        (folder / "prometheus.yml").write_text(config)
        rules = (PAGE / "alerts.yml").read_text()
        for long, short in (("[1m]", "[2s]"), ("[5m]", "[3s]"), ("10m", "20s"), ("2m", "1s"), ("5m", "1s")):
            assert long in rules
            rules = rules.replace(long, short)
        (folder / "alerts.yml").write_text(rules)
        self.port = free_port()
        command = [
            find_program("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
        ]  # fmt: skip
        self.process = ServerProcess(command, ("127.0.0.1", self.port), folder / "prometheus.log")

    def query(self, expression: str) -> list[dict[str, Any]]:
        status, body = fetch(self.port, "/api/v1/query", query=expression)
        assert status == 200, body
        found: list[dict[str, Any]] = json.loads(body)["data"]["result"]
        return found

    def firing(self) -> dict[str, Mapping[str, str]]:
        """The labels of the alerts that fire, by name."""
        alerts = json.loads(fetch(self.port, "/api/v1/alerts")[1])["data"]["alerts"]
        return {each["labels"]["alertname"]: each["labels"] for each in alerts if each["state"] == "firing"}


def dashboard_queries() -> list[str]:
    panels = json.loads((PAGE / "dashboard.json").read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    return [expression.replace("$__rate_interval", "3s") for expression in found]


def test_the_alerts_fire_at_real_faults(endpoints: SandboxServer, tmp_path: Path) -> None:
    port, metrics = free_port(), free_port()
    variables = {
        "PYTHONPATH": str(ROOT), "OCTA_API_KEY": KEY, "PORT": str(port), "METRICS_PORT": str(metrics),
        "FLASK_OCTASPACE_BASE_URLS": ",".join(endpoints.urls), "FLASK_OCTASPACE_POOL_SIZE": "1",
        "FLASK_OCTASPACE_RETRY_INTERVAL": "0", "FLASK_OCTASPACE_FAILURE_COOLDOWN": "600",
    }  # fmt: skip
    app = process([sys.executable, "prometheus_app.py"], port, tmp_path / "app.log", **variables)
    prometheus = Prometheus(tmp_path, metrics)
    visitors = ThreadPoolExecutor(8)

    def visit() -> None:
        for answer in [visitors.submit(fetch, port, "/nodes") for _ in range(8)]:
            assert answer.result()[0] == 200

    with app, prometheus.process, visitors:
        endpoints.faults.add("status", status=503, count=1)  # a retry
        assert [fetch(port, "/nodes")[0] for _ in range(3)] == [200] * 3
        fetch(port, "/sessions/1-2/stop", "POST")
        until(lambda: prometheus.query("octaspace_client_outcome_unknown_total"))
        assert prometheus.firing() == {}
        # An answer is lost.
        lost = endpoints.faults.add("drop_after_read", methods=["POST"], count=1)
        assert fetch(port, "/sessions/1-2/stop", "POST")[0] == 502
        assert lost.fired == 1
        until(lambda: "OctaSpaceOutcomeUnknown" in prometheus.firing())
        labels = prometheus.firing()["OctaSpaceOutcomeUnknown"]
        assert labels["octaspace_operation"] == "services.session.stop"
        # An endpoint refuses connections. Calls use the other one.
        dead, alive = endpoints.ports
        refused = endpoints.faults.add("refuse", endpoint=dead)
        until(lambda: visit() or "OctaSpaceEndpointInCooldown" in prometheus.firing())
        labels = prometheus.firing()["OctaSpaceEndpointInCooldown"]
        assert (labels["server_address"], labels["server_port"]) == ("127.0.0.1", str(dead))
        endpoints.faults.remove_fault(refused.id)
        # Eight threads share one connection to a slow endpoint.
        endpoints.faults.add("slow", seconds=0.2)
        until(lambda: visit() or "OctaSpaceConnectionWait" in prometheus.firing())
        assert prometheus.firing()["OctaSpaceConnectionWait"]["server_port"] == str(alive)
        # Each query of the dashboard has a result, except those of the cache, which is off.
        queries = dashboard_queries()
        assert len(queries) >= 10
        without = [query for query in queries if not prometheus.query(query)]
        assert [query for query in without if "_cache_" not in query] == []
        exposed = fetch(metrics, "/metrics")[1]
    names = set(re.findall(r"^(octaspace_\w+)\{", exposed, re.MULTILINE))
    named = set(re.findall(r"\boctaspace_client_\w+", " ".join(queries) + (PAGE / "alerts.yml").read_text()))
    assert {name for name in named if "_cache_" not in name} <= names
    assert KEY not in exposed
