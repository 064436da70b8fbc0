"""mocket: a mock that replaces sockets."""

# /// script
# dependencies = ["mocket"]
# ///

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mocket import Mocket, Mocketizer
from mocket.exceptions import StrictMocketException
from mocket.mocks.mockhttp import Entry

import octaspace

#: mocket makes a socket that it loses at once for each one that it puts TLS around.
pytestmark = pytest.mark.filterwarnings(r"ignore:Exception ignored in. <socket.*laddr=\('0.0.0.0', 0\)")

JSON = {"Content-Type": "application/json"}
RENTAL: dict[str, Any] = {"node_id": 7, "disk_size": 10, "image": "ubuntu:24.04"}


@pytest.fixture(params=["http://api.octa.space", "https://api.octa.space"], ids=["plain", "tls"])
def api(request: pytest.FixtureRequest) -> Iterator[str]:
    # What is not registered is not sent either.
    with Mocketizer(strict_mode=True):
        yield request.param


@pytest.fixture(params=[False, True], ids=["standard", "persistent"])
def client(request: pytest.FixtureRequest, api: str) -> Iterator[octaspace.Client]:
    with octaspace.Client("sk", base_url=api, keep_alive=request.param, max_retries=0) as made:
        yield made


def register(method: str, address: str, *answers: tuple[int, str]) -> None:
    responses: list[Any] = [
        Entry.response_cls(body=body, status=status, headers=JSON) for status, body in answers
    ]
    Entry.register(method, address, *responses)


def test_reads(api: str, client: octaspace.Client) -> None:
    register(Entry.GET, f"{api}/nodes", (200, '[{"id": 7}]'), (200, '[{"id": 8}]'))
    assert [client.nodes.list().data for _ in range(2)] == [[{"id": 7}], [{"id": 8}]]
    assert Mocket.last_request().headers["authorization"] == "sk"


def test_a_change_is_sent_once(api: str, client: octaspace.Client) -> None:
    register(Entry.POST, f"{api}/services/mr", (200, '[{"uuid": "11111111-2222-3333-4444-555555555555"}]'))
    assert client.services.mr.create(**RENTAL).data[0]["uuid"].startswith("1111")
    assert [request.method for request in Mocket.request_list()] == ["POST"]
    assert '"node_id": 7' in Mocket.last_request().body or '"node_id":7' in Mocket.last_request().body


def test_errors(api: str, client: octaspace.Client) -> None:
    register(Entry.GET, f"{api}/nodes/9", (404, '{"error": "Node not found"}'))
    with pytest.raises(octaspace.NotFoundError, match="Node not found"):
        client.nodes.find(9)


def test_what_is_not_registered_is_not_sent(api: str, client: octaspace.Client) -> None:
    with pytest.raises(StrictMocketException):
        client.services.mr.create(**RENTAL)
