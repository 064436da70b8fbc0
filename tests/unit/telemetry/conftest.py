"""An observer whose spans and metrics are kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import octaspace
from octaspace.telemetry import OpenTelemetryObserver

from ...support.fault_server import FaultServer
from ...support.telemetry_record import TelemetryRecord

MakeClient = Callable[..., octaspace.Client]


@pytest.fixture
def record() -> Iterator[TelemetryRecord]:
    record = TelemetryRecord()
    yield record
    record.shutdown()


@pytest.fixture
def observer(record: TelemetryRecord) -> OpenTelemetryObserver:
    return OpenTelemetryObserver(record.tracer_provider, record.meter_provider)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def connect(observer: OpenTelemetryObserver, server: FaultServer) -> Iterator[MakeClient]:
    """Make observed clients that do not wait between attempts."""
    clients = []

    def make(**options: object) -> octaspace.Client:
        place = {} if "base_urls" in options else {"base_url": server.url}
        given = {**place, "retry_interval": 0, "observers": [observer], **options}
        client = octaspace.Client("sk-telemetry-0123456789", **given)  # type: ignore[arg-type]
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
