"""What people put around requests keeps working: two mocking libraries and OpenTelemetry."""

from __future__ import annotations

import pytest
import requests
import requests_mock
import responses
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import octaspace
from octaspace import Client, Config
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, close_after_reading

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

API = "https://api.octa.space"


@pytest.fixture(params=[True, False], ids=["keep-alive", "standard"])
def client(request: pytest.FixtureRequest, clock: FakeClock) -> Client:
    return Client.from_config(Config(api_key="sk-secret", keep_alive=request.param), clock=clock.clock())


def test_requests_mock(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/nodes", [{"status_code": 503}, {"json": [{"id": 2**70}]}])
    response = client.send(READ)
    assert response.data == [{"id": 2**70}]  # though requests-mock sends no content type
    assert response.attempts == 2
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.headers["Authorization"] == "sk-secret"
    requests_mock.post(f"{API}/services/mr", status_code=422, json={"message": "no"})
    with pytest.raises(octaspace.ValidationError, match="422: no"):
        client.send(CHANGE)


def test_responses(client: Client) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/nodes", status=502, body="<html>")
        mock.get(f"{API}/nodes", json=[1])
        assert client.send(READ).data == [1]
        mock.post(f"{API}/services/mr", json=[{"uuid": "u"}])
        assert client.send(CHANGE).data == [{"uuid": "u"}]
        assert mock.calls[-1].request.body == b'[{"id":0,"node_id":9101}]'


@pytest.mark.parametrize(
    ("raised", "kind", "phase", "attempts_of_a_change"),
    [
        (requests.exceptions.ConnectTimeout, octaspace.TimeoutError, "open", 3),
        (requests.exceptions.ReadTimeout, octaspace.TimeoutError, "read", 1),
        (requests.exceptions.ConnectionError, octaspace.ConnectionError, None, 1),
        (requests.exceptions.ChunkedEncodingError, octaspace.ConnectionError, None, 1),
    ],
)
def test_exceptions_that_mocks_raise(
    client: Client, requests_mock: requests_mock.Mocker,
    raised: type[Exception], kind: type[octaspace.Error], phase: str | None, attempts_of_a_change: int,
) -> None:  # fmt: skip
    requests_mock.get(f"{API}/nodes", exc=raised)
    requests_mock.post(f"{API}/services/mr", exc=raised)
    with pytest.raises(kind) as caught:
        client.send(READ)
    assert getattr(caught.value, "phase", None) == phase
    assert caught.value.attempts == 3
    with pytest.raises(kind) as caught:
        client.send(CHANGE)
    assert caught.value.attempts == attempts_of_a_change


def test_opentelemetry_sees_every_attempt(serve: ServerFactory, connect: ClientFactory) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        server = serve(close_after_reading, answer(status=503), answer([1]))
        assert connect(server).send(READ).attempts == 3
    finally:
        instrumentor.uninstrument()
    assert len(exporter.get_finished_spans()) == 3
    assert server.journal[-1].headers.get("traceparent")
