"""OpenTelemetry in apps: `OctaSpace(app, observers=[OpenTelemetryObserver()])`."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from flask import Flask

from flask_octaspace import OctaSpace, current_octaspace
from octaspace.telemetry import OpenTelemetryObserver

from ..support.fault_server import FaultServer
from ..support.telemetry_record import TelemetryRecord

KEY = "app-key-0123456789"


@pytest.fixture
def record() -> Iterator[TelemetryRecord]:
    record = TelemetryRecord()
    yield record
    record.shutdown()


def make_app(record: TelemetryRecord, api: FaultServer, **options: object) -> Flask:
    app = Flask("shop")
    observer = OpenTelemetryObserver(record.tracer_provider, record.meter_provider)
    OctaSpace(
        app, api_key=KEY, base_url=api.url, keep_alive=True, pool_size=3, observers=[observer],
        **options,  # type: ignore[arg-type]
    )  # fmt: skip

    @app.get("/nodes")
    def nodes() -> dict[str, int]:
        return {"status": current_octaspace.nodes.list().status}

    return app


def test_calls_of_views(api: FaultServer, record: TelemetryRecord) -> None:
    app = make_app(record, api)
    tracer = record.tracer_provider.get_tracer("browser")
    with tracer.start_as_current_span("page"):
        assert app.test_client().get("/nodes").json == {"status": 200}
    call, page = record.spans
    assert call.name == "octaspace nodes.list"
    assert call.parent is not None
    assert call.parent.span_id == page.context.span_id
    assert KEY not in call.to_json()
    assert record.total("octaspace.client.call.duration") == 1
    assert record.total("octaspace.client.connection.max") == 3


def test_apps_of_one_process_add_up(api: FaultServer, record: TelemetryRecord) -> None:
    apps = [make_app(record, api) for _ in range(2)]
    for app in apps:
        app.test_client().get("/nodes")
    assert record.total("octaspace.client.connection.max") == 6
    assert record.total("octaspace.client.attempts") == 2


def test_clients_of_contexts_are_counted_while_they_exist(api: FaultServer, record: TelemetryRecord) -> None:
    app = make_app(record, api, client_scope="context")
    for _ in range(3):
        app.test_client().get("/nodes")
    with app.app_context():
        current_octaspace.nodes.list()
        gc.collect()
        assert record.total("octaspace.client.connection.max") == 3
    gc.collect()
    assert record.points("octaspace.client.connection.max") == []
    assert record.total("octaspace.client.attempts") == 4


def test_observers_in_the_configuration(api: FaultServer, record: TelemetryRecord) -> None:
    app = Flask("shop")
    app.config["OCTASPACE_OBSERVERS"] = [OpenTelemetryObserver(record.tracer_provider, record.meter_provider)]
    octa = OctaSpace(app, api_key=KEY, base_url=api.url)
    with app.app_context():
        octa.client.nodes.list()
    assert [span.name for span in record.spans] == ["octaspace nodes.list"]
