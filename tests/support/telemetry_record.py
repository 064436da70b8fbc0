"""OpenTelemetry's SDK with exporters that keep spans and metrics in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

__all__ = ["TelemetryRecord"]


class TelemetryRecord:
    """Providers of spans and metrics, and what they have recorded.

    Args:
        sampler: Decides which spans are recorded; all of them by default.
    """

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        # Without its handler at exit, which would keep every provider of a test run.
        self.tracer_provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def shutdown(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans, in the order of their end."""
        return list(self._exporter.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The only finished span."""
        (span,) = self.spans
        return span

    def metrics(self) -> dict[str, Metric]:
        """The metrics by name."""
        found = list(self._metrics())
        assert len({metric.name for metric in found}) == len(found), "a metric was created twice"
        return {metric.name: metric for metric in found}

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and value of each series of a metric; the value of a histogram is its count."""
        metric = self.metrics().get(name)
        if metric is None:
            return []
        return [
            (dict(point.attributes or {}), point.count if hasattr(point, "count") else point.value)
            for point in metric.data.data_points
        ]

    def total(self, name: str, **attributes: Any) -> Any:
        """Sum over the series whose attributes have these values; ``_`` in a name stands for ``.``."""
        return sum(value for found, value in self.points(name) if _matches(found, attributes))

    def _metrics(self) -> Iterator[Metric]:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                yield from scope.metrics


def _matches(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    named = {name.replace(".", "_"): value for name, value in found.items()}
    return all(named.get(name) == value for name, value in wanted.items())
