"""The observer that creates spans and records metrics."""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ..observer import AttemptFinished, CallFinished, CallStarted, StatsObserver, StatsSource
from .client_metrics import client_metrics
from .client_spans import ClientSpans

__all__ = ["OpenTelemetryObserver"]


class OpenTelemetryObserver(StatsObserver):
    """Creates a span for each call and records the metrics ``octaspace.client.*``.

    The span is current during the call, so the spans that OpenTelemetry's instrumentation of requests creates
    for the attempts are its children. `docs/observability.md` lists the attributes and the metrics.

    Any number of clients and threads can share one. Observers with the same meter provider record into the
    same instruments, and gauges add up the figures of all their clients.

    Args:
        tracer_provider: Where spans are created; None for the global provider, which may be set later.
        meter_provider: Where metrics are recorded; None for the global provider, which may be set later.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._spans = ClientSpans(tracer_provider)
        self._metrics = client_metrics(meter_provider)

    def client_created(self, stats: StatsSource) -> None:
        """Read the gauges from this client as well, while it exists.

        Args:
            stats: Its statistics.
        """
        self._metrics.add_source(stats)

    def call_started(self, event: CallStarted) -> None:
        """Start a span and make it current.

        Args:
            event: The event of the call.
        """
        self._spans.call_started(event)

    def attempt_finished(self, event: AttemptFinished) -> None:
        """Record an attempt in the metrics, and as an event of the span.

        Args:
            event: The event of the attempt.
        """
        try:
            self._spans.attempt_finished(event)
        finally:
            self._metrics.attempt_finished(event)

    def call_finished(self, event: CallFinished) -> None:
        """Record the call in the metrics, and end its span.

        Args:
            event: The event of the call.
        """
        try:
            self._metrics.call_finished(event)  # while the span is current: exemplars name its trace
        finally:
            self._spans.call_finished(event)
