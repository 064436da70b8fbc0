"""Metrics: what calls and attempts record, and what is read from the statistics of the clients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation

from ..fork import notice_fork, register_after_fork
from ..observer import AttemptFinished, CallFinished, StatsSource
from .attributes import (
    SCHEMA_URL,
    SCOPE_NAME,
    SCOPE_VERSION,
    AttributeValue,
    attempt_error_type,
    error_type,
    request_attributes,
    server_attributes,
)

__all__ = ["CALL_BUCKETS", "WAIT_BUCKETS", "ClientMetrics", "client_metrics"]

#: Boundaries of the histograms, in seconds. The first one for waits counts the attempts that did not wait.
CALL_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
WAIT_BUCKETS: Final = (0.0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: A figure of one client: its attributes and its value.
_Reading = tuple[dict[str, AttributeValue], int]


class ClientMetrics:
    """The instruments of one meter. Safe to share between threads and across `os.fork()`.

    The attributes have few values: method, operation, status, class of error, endpoint. No path, id or name
    is one of them.

    Args:
        meter: The meter.
    """

    def __init__(self, meter: Meter) -> None:
        self._sources: WeakSet[StatsSource] = WeakSet()
        # Reentrant, as the others here: a signal handler may create a client while its thread holds it.
        self._lock = threading.RLock()
        register_after_fork(self)
        name = "octaspace.client"
        self._call_duration = _histogram(
            meter, f"{name}.call.duration", "Duration of calls, waits included", CALL_BUCKETS
        )
        self._wait_time = _histogram(
            meter, f"{name}.connection.wait_time", "Time that attempts waited for a connection", WAIT_BUCKETS
        )
        count = meter.create_counter
        self._attempts = count(f"{name}.attempts", "{attempt}", "Attempts")
        self._retries = count(f"{name}.retries", "{retry}", "Attempts that were repeated after a wait")
        self._failovers = count(f"{name}.failovers", "{failover}", "Attempts repeated at another endpoint")
        self._outcome_unknown = count(
            f"{name}.outcome_unknown", "{call}", "Failed changes that may have taken effect"
        )
        self._cache_lookups = count(f"{name}.cache.lookups", "{lookup}", "Calls that asked the cache")
        for ending, unit, description, read in (
            ("connection.in_use", "{connection}", "Connections in use", _connections_in_use),
            ("connection.max", "{connection}", "Limit of connections in use", _connection_limits),
            ("endpoint.cooldown", "{client}", "Clients that skip the endpoint", _cooldowns),
            ("cache.size", "By", "Size of the cached answers", _cache_sizes),
            ("cache.entries", "{entry}", "Cached answers", _cache_entries),
        ):
            meter.create_observable_up_down_counter(
                f"{name}.{ending}", [self._callback(read)], unit, description
            )

    def after_fork_in_child(self) -> None:
        """Replace the lock: a thread of the parent may hold it."""
        self._lock = threading.RLock()

    def add_source(self, source: StatsSource) -> None:
        """Read the statistics of one more client, while it exists.

        Args:
            source: Its statistics.
        """
        notice_fork()
        with self._lock:
            self._sources.add(source)

    def attempt_finished(self, event: AttemptFinished) -> None:
        """Count an attempt.

        Args:
            event: The event.
        """
        server = server_attributes(event.endpoint)
        common = {**request_attributes(event.request), **server}
        attempt: dict[str, AttributeValue] = {**common, "octaspace.verdict": event.verdict}
        if event.status is not None:
            attempt["http.response.status_code"] = event.status
        failed = attempt_error_type(event.status, event.error)
        if failed is not None:
            attempt["error.type"] = failed
        if event.connection is not None:
            attempt["octaspace.connection"] = event.connection
        self._attempts.add(1, attempt)
        if event.verdict == "retry":
            self._retries.add(1, common)
        elif event.verdict == "failover":
            self._failovers.add(1, common)
        if event.connections_in_use is not None:  # there is a limit, for which an attempt may wait
            self._wait_time.record(event.connection_wait, server)

    def call_finished(self, event: CallFinished) -> None:
        """Count a call.

        Args:
            event: The event.
        """
        common = request_attributes(event.request)
        call = dict(common)
        if event.endpoint is not None:
            call.update(server_attributes(event.endpoint))
        if event.status is not None:
            call["http.response.status_code"] = event.status
        if event.error is not None:
            call["error.type"] = error_type(event.error)
        if event.cache is not None:
            call["octaspace.cache"] = event.cache
            self._cache_lookups.add(1, {**common, "octaspace.cache": event.cache})
        self._call_duration.record(event.elapsed, call)
        if not event.request.repeatable:  # 0 as well: an increase can only be seen from a known value
            self._outcome_unknown.add(int(event.outcome_unknown), common)

    def _callback(
        self, read: Callable[[dict[str, Any]], Iterator[_Reading]]
    ) -> Callable[[CallbackOptions], list[Observation]]:
        """Adds up what is read from each client. Each set of attributes is observed once."""

        def observe(_: CallbackOptions) -> list[Observation]:
            notice_fork()
            with self._lock:
                sources = list(self._sources)
            sums: dict[tuple[tuple[str, AttributeValue], ...], int] = {}
            for source in sources:
                for attributes, value in read(source.transport_stats()):
                    key = tuple(attributes.items())
                    sums[key] = sums.get(key, 0) + value
            return [Observation(value, dict(key)) for key, value in sums.items()]

        return observe


class _Registry:
    """The instruments of each meter provider: two observers must not create the same one twice."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._global: ClientMetrics | None = None
        self._by_provider: WeakKeyDictionary[MeterProvider, ClientMetrics] = WeakKeyDictionary()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()

    def of(self, provider: MeterProvider | None) -> ClientMetrics:
        notice_fork()
        current = metrics.get_meter_provider()
        is_global = provider is None or provider is current
        with self._lock:
            # The instruments of a meter that was created before the global provider was set belong to it.
            found = self._global if is_global else None
            found = found or self._by_provider.get(provider or current)
            if found is None:
                found = ClientMetrics((provider or current).get_meter(SCOPE_NAME, SCOPE_VERSION, SCHEMA_URL))
                self._by_provider[provider or current] = found
            if is_global:
                self._global = found
            return found


_registry: Final = _Registry()


def client_metrics(provider: MeterProvider | None) -> ClientMetrics:
    """The instruments of a meter provider, created on first use.

    Args:
        provider: The provider; None for the global one.
    """
    return _registry.of(provider)


def _histogram(meter: Meter, name: str, description: str, buckets: tuple[float, ...]) -> Histogram:
    """A histogram of seconds. The API has boundaries since version 1.30; before, the program needs a view."""
    if "explicit_bucket_boundaries_advisory" not in signature(meter.create_histogram).parameters:
        return meter.create_histogram(name, "s", description)
    return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=buckets)


def _connections_in_use(stats: dict[str, Any]) -> Iterator[_Reading]:
    for url, pool in stats.get("pools", {}).items():
        yield dict(server_attributes(url)), pool["in_use"]


def _connection_limits(stats: dict[str, Any]) -> Iterator[_Reading]:
    for url, pool in stats.get("pools", {}).items():
        yield dict(server_attributes(url)), pool["size"]


def _cooldowns(stats: dict[str, Any]) -> Iterator[_Reading]:
    """Clients with one endpoint have no cooldown."""
    if "rotator" in stats:
        failed = stats["rotator"]["failed"]
        for url in dict.fromkeys([*stats.get("pools", [stats.get("url")]), *failed]):
            yield dict(server_attributes(url)), int(url in failed)


def _cache_sizes(stats: dict[str, Any]) -> Iterator[_Reading]:
    if "cache" in stats:
        yield {}, stats["cache"]["bytes"]


def _cache_entries(stats: dict[str, Any]) -> Iterator[_Reading]:
    if "cache" in stats:
        yield {}, stats["cache"]["entries"]
