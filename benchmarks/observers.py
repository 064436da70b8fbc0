"""Observers whose cost is counted: by name, what creates the option `observers`."""

from __future__ import annotations

from collections.abc import Callable

from octaspace import Observer

__all__ = ["OBSERVERS"]


class Idle(Observer):
    """Does nothing."""


def _opentelemetry_api() -> list[Observer]:
    from octaspace.telemetry import OpenTelemetryObserver

    return [OpenTelemetryObserver()]


def _opentelemetry_sdk() -> list[Observer]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    from octaspace.telemetry import OpenTelemetryObserver

    meters = MeterProvider([InMemoryMetricReader()])
    return [OpenTelemetryObserver(tracer_provider=TracerProvider(), meter_provider=meters)]


OBSERVERS: dict[str, Callable[[], list[Observer]]] = {
    "without observers": list,
    "an observer that does nothing": lambda: [Idle()],
    "OpenTelemetry, API only": _opentelemetry_api,
    "OpenTelemetry, with SDK": _opentelemetry_sdk,
}
