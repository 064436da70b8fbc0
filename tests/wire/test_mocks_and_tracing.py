"""Libraries around requests work: two mocking libraries and OpenTelemetry."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
import requests
import requests_mock
import responses
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError

import octaspace
from octaspace import Client, Config
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import answer, close_after_reading

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

API = "https://api.octa.space"
OTHER = "https://api.octa.computer"


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


@pytest.fixture(params=[True, False], ids=["keep-alive", "standard"])
def rotating(request: pytest.FixtureRequest, clock: FakeClock) -> Client:
    config = Config(api_key="sk-secret", base_urls=[API, OTHER], keep_alive=request.param)
    return Client.from_config(config, clock=clock.clock())


def test_failover_and_rotation_under_requests_mock(
    rotating: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.get(f"{API}/nodes", exc=requests.exceptions.ConnectionError)
    requests_mock.get(f"{OTHER}/nodes", json=["other"])
    requests_mock.post(f"{API}/services/mr", exc=requests.exceptions.ConnectTimeout)
    requests_mock.post(f"{OTHER}/services/mr", json=[{"uuid": "u"}])
    response = rotating.send(READ)
    assert (response.data, response.attempts, response.url) == (["other"], 2, f"{OTHER}/nodes")
    assert rotating.send(READ).attempts == 1  # the first one is skipped
    clock.advance(30)
    assert rotating.send(CHANGE).data == [{"uuid": "u"}]  # nothing was sent before the connect timeout
    clock.advance(30)
    assert [rotating.send(CHANGE).attempts for _ in range(2)] in ([1, 2], [2, 1])
    assert clock.slept == []
    assert rotating.transport_stats()["failovers"] == 3


def test_failover_and_retry_under_responses(rotating: Client, clock: FakeClock) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/nodes", body=ConnectionResetError("gone"))
        mock.get(f"{OTHER}/nodes", status=429, headers={"Retry-After": "3"})
        mock.get(f"{OTHER}/nodes", json=[1])
        response = rotating.send(READ)
        assert (response.data, response.attempts) == ([1], 3)
        asked = [call.request.url for call in mock.calls]
        assert asked == [f"{API}/nodes", f"{OTHER}/nodes", f"{OTHER}/nodes"]  # the first one is skipped
    assert clock.slept == [3.0]


def test_encoded_bodies_of_requests_mock(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/nodes", content=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"})
    assert client.send(READ).data == [1]


def test_raw_and_broken_bodies_of_responses(client: Client) -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/nodes", body=b"\x00\x01", content_type="application/octet-stream")
        mock.get(f"{API}/nodes", body=b"{", content_type="application/json")
        assert client.send(READ).data == b"\x00\x01"
        with pytest.raises(octaspace.InvalidResponseError):
            client.send(READ)


def refused() -> Exception:
    """As requests raises it for a refused connection."""
    pool: Any = HTTPConnectionPool("api.octa.space")
    cause = NewConnectionError(pool, "Failed to establish a new connection: [Errno 111] Connection refused")
    return requests.exceptions.ConnectionError(MaxRetryError(pool, "/", cause))


@pytest.mark.parametrize(
    ("raised", "kind", "phase", "attempts_of_a_change"),
    [
        (requests.exceptions.ConnectTimeout, octaspace.TimeoutError, "open", 3),
        (refused(), octaspace.ConnectionError, None, 3),
        (ConnectionRefusedError(111, "Connection refused"), octaspace.ConnectionError, None, 3),
        (requests.exceptions.SSLError, octaspace.ConnectionError, None, 1),
        (requests.exceptions.ProxyError, octaspace.ConnectionError, None, 1),
        (TimeoutError("timed out"), octaspace.TimeoutError, "read", 1),
        (requests.exceptions.ReadTimeout, octaspace.TimeoutError, "read", 1),
        (requests.exceptions.ConnectionError, octaspace.ConnectionError, None, 1),
        (requests.exceptions.ChunkedEncodingError, octaspace.ConnectionError, None, 1),
    ],
)
def test_exceptions_that_mocks_raise(
    client: Client, requests_mock: requests_mock.Mocker, raised: type[Exception] | Exception,
    kind: type[octaspace.Error], phase: str | None, attempts_of_a_change: int,
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
        refusing = serve(after=answer(["never"]))
        server = serve(close_after_reading, answer(status=503), answer([1]))
        client = connect(refusing, server)
        refusing.refuse()
        assert client.send(READ).attempts == 5  # twice the one that refuses, and the other's answers
    finally:
        instrumentor.uninstrument()
    spans = exporter.get_finished_spans()
    assert len(spans) == 5
    assert len({span.context.span_id for span in spans if span.context}) == 5
    sent = [arrival.headers["traceparent"] for arrival in server.journal]
    assert len(set(sent)) == 3
    assert "sk-secret" not in "".join(span.to_json() for span in spans)
