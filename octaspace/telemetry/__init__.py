"""OpenTelemetry: spans and metrics of the calls of a client.

    from octaspace.telemetry import OpenTelemetryObserver

    client = octaspace.Client(key, observers=[OpenTelemetryObserver()])

It needs the extra `otel`, which installs the API package of OpenTelemetry. Without an SDK, which the program
installs and sets up, nothing is recorded.
"""

from __future__ import annotations

try:
    from .opentelemetry_observer import OpenTelemetryObserver
except ImportError as error:
    if not (error.name or "").startswith("opentelemetry"):
        raise
    raise ImportError(
        "octaspace.telemetry needs the package opentelemetry-api, 1.28 or newer: "
        'pip install "Flask-OctaSpace[otel]"',
        name=error.name,
    ) from error

__all__ = ["OpenTelemetryObserver"]
