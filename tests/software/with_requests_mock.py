"""requests-mock: a mock in the place of requests' adapter."""

# /// script
# dependencies = ["requests-mock"]
# ///

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import requests_mock
from requests_mock.exceptions import NoMockAddress

import octaspace

API = "https://api.octa.space"


@pytest.fixture(params=[False, True], ids=["standard", "persistent"])
def client(request: pytest.FixtureRequest) -> Iterator[octaspace.Client]:
    with octaspace.Client("sk", keep_alive=request.param, retry_interval=0) as made:
        yield made


def test_reads_and_retries(client: octaspace.Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(f"{API}/nodes", [{"status_code": 503}, {"json": [{"id": 7}]}])
    answered = client.nodes.list()
    assert (answered.data, answered.attempts) == ([{"id": 7}], 2)
    assert requests_mock.last_request.headers["Authorization"] == "sk"


def test_a_change_is_sent_once(client: octaspace.Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(f"{API}/services/mr", exc=requests.exceptions.ReadTimeout)
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    assert caught.value.outcome_unknown
    assert requests_mock.call_count == 1


def test_what_is_not_registered_is_not_sent(
    client: octaspace.Client, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(NoMockAddress):
        client.services.mr.create(node_id=7, disk_size=10, image="ubuntu:24.04")
    assert [request.method for request in requests_mock.request_history] == ["POST"]
