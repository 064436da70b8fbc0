"""A Flask app whose metrics Prometheus reads from http://127.0.0.1:9464/metrics.

$ export OCTA_API_KEY=your-key
$ python prometheus_app.py
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

from flask_octaspace import OctaSpace, current_octaspace
from octaspace.telemetry import OpenTelemetryObserver


def start_telemetry() -> None:
    """Collect metrics, and serve them on a port of this process."""
    metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
    start_http_server(int(os.environ.get("METRICS_PORT", "9464")), addr="127.0.0.1")


def create_app() -> Flask:
    """The app. `FLASK_OCTASPACE_…` in the environment sets the options of its client."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    octa = OctaSpace(app, keep_alive=True, observers=[OpenTelemetryObserver()])
    octa.init_error_handlers(app)

    @app.get("/nodes")
    def nodes() -> dict[str, Any]:
        return {"nodes": len(current_octaspace.nodes.list().data)}

    @app.post("/sessions/<uuid>/stop")
    def stop(uuid: str) -> dict[str, Any]:
        return {"status": current_octaspace.services.session(uuid).stop().status}

    return app


if __name__ == "__main__":
    start_telemetry()
    create_app().run(port=int(os.environ.get("PORT", "5000")))
