"""A Flask app that sends spans and metrics to a collector by OTLP, by default to http://127.0.0.1:4318.

$ export OCTA_API_KEY=your-key OTEL_SERVICE_NAME=shop
$ python otlp_app.py
"""

from __future__ import annotations

import os
import socket
from typing import Any

from flask import Flask
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from flask_octaspace import OctaSpace, current_octaspace
from octaspace.telemetry import OpenTelemetryObserver


def start_telemetry() -> None:
    """Send spans and metrics from this process. `OTEL_…` in the environment sets address and intervals."""
    resource = Resource.create({"service.instance.id": f"{socket.gethostname()}-{os.getpid()}"})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


def create_app() -> Flask:
    """The app. `FLASK_OCTASPACE_…` in the environment sets the options of its client."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    FlaskInstrumentor().instrument_app(app)
    RequestsInstrumentor().instrument()
    octa = OctaSpace(app, keep_alive=True, observers=[OpenTelemetryObserver()])
    octa.init_error_handlers(app)

    @app.get("/nodes")
    def nodes() -> dict[str, Any]:
        return {"nodes": len(current_octaspace.nodes.list().data)}

    return app


if __name__ == "__main__":
    start_telemetry()
    create_app().run(port=int(os.environ.get("PORT", "5000")))
