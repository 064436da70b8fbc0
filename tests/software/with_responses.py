"""responses: a mock in the place of requests' adapter."""

# /// script
# dependencies = ["responses"]
# ///

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
import responses

import octaspace

API = "https://api.octa.space"
OTHER = "https://api.octa.computer"


@pytest.fixture(params=[False, True], ids=["standard", "persistent"])
def client(request: pytest.FixtureRequest) -> Iterator[octaspace.Client]:
    with octaspace.Client("sk", base_urls=[API, OTHER], keep_alive=request.param, retry_interval=0) as made:
        yield made


@pytest.fixture
def api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_reads_and_failover(client: octaspace.Client, api: responses.RequestsMock) -> None:
    api.get(f"{API}/nodes", body=ConnectionResetError("gone"))
    api.get(f"{OTHER}/nodes", status=503)
    api.get(f"{OTHER}/nodes", json=[{"id": 7}])
    answered = client.nodes.list()
    assert (answered.data, answered.attempts) == ([{"id": 7}], 3)
    assert api.calls[0].request.headers["Authorization"] == "sk"


def test_a_change_is_sent_once(client: octaspace.Client, api: responses.RequestsMock) -> None:
    api.post(f"{API}/services/mr", body=requests.exceptions.ReadTimeout())
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    assert caught.value.outcome_unknown
    assert [json.loads(call.request.body or "")[0]["node_id"] for call in api.calls] == [7]


def test_what_is_not_registered_is_not_sent(client: octaspace.Client, api: responses.RequestsMock) -> None:
    with pytest.raises(octaspace.ConnectionError):
        client.services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    assert {call.request.method for call in api.calls} == {"POST"}
