"""The first of several offers that accepts; another one only after a definite refusal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock

import octaspace
from octaspace import Client, Config
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock
from tests.support.memory_ledger import memory_ledger

from .conftest import API
from .test_rent import CREATE, STOP

MACHINE: dict[str, Any] = {"disk_size": 10, "image": "ubuntu:24.04"}
SESSIONS = f"{API}/sessions"
MADE = {"json": [{"uuid": "u-1"}]}


@pytest.fixture
def recorded(clock: FakeClock) -> Iterator[Client]:
    config = Config(api_key="sk-secret", base_url=API, rental_ledger=memory_ledger())
    with Client.from_config(config, clock=clock.clock()) as client:
        yield client


def nodes(create: Any) -> list[int]:
    return [request.json()[0]["node_id"] for request in create.request_history]


@pytest.mark.parametrize(
    "refusal",
    [
        {"json": [{"id": 0, "status": 3, "reason": "node is busy"}]},
        {"json": [{"message": "INTERNAL_ERROR"}]},
        *({"status_code": status, "json": {}} for status in (400, 402, 403, 404, 409, 410, 422)),
    ],
    ids=repr,
)
def test_a_refusal_leads_to_the_next_offer(
    refusal: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, [refusal, refusal, MADE])
    stop = requests_mock.post(STOP, json={})
    with client.services.mr.rent_any([1, 2, 3, 4], **MACHINE) as session:
        assert session.uuid == "u-1"
        assert not stop.called
    assert nodes(create) == [1, 2, 3]
    assert stop.call_count == 1


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 502},
        {"status_code": 408},
        {"status_code": 429},
        {"status_code": 401},
        {"exc": requests.exceptions.ReadTimeout},
        {"exc": requests.exceptions.ConnectTimeout},
        {"json": [{}]},
        {"text": "<html>", "headers": {"Content-Type": "text/html"}},
    ],
    ids=repr,
)
def test_anything_else_does_not(
    failure: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, **failure)
    with pytest.raises(octaspace.Error), client.services.mr.rent_any([1, 2], **MACHINE):
        raise AssertionError("the block must not run")
    assert set(nodes(create)) == {1}  # an unsent request may be sent again, for the same node


@pytest.mark.parametrize(
    "lost", [{"status_code": 502}, {"exc": requests.exceptions.ReadTimeout}, {"json": [{}]}]
)
def test_with_a_ledger_that_proves_that_nothing_was_made_it_does(
    lost: dict[str, Any], recorded: Client, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, [lost, MADE])
    requests_mock.post(STOP, json={})
    requests_mock.get(SESSIONS, json=[])
    with recorded.services.mr.rent_any([1, 2], **MACHINE) as session:
        assert session.uuid == "u-1"
    assert nodes(create) == [1, 2]


def test_with_a_ledger_that_cannot_prove_it_it_does_not(
    recorded: Client, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, [{"status_code": 502}, MADE])
    requests_mock.get(SESSIONS, status_code=503)
    with pytest.raises(octaspace.BadGatewayError) as caught, recorded.services.mr.rent_any([1, 2], **MACHINE):
        raise AssertionError("the block must not run")
    assert caught.value.outcome_unknown
    assert nodes(create) == [1]


def test_the_final_error_has_every_refusal(client: Client, requests_mock: requests_mock.Mocker) -> None:
    busy = {"id": 0, "node_id": 1, "status": 3, "reason": "node is busy"}
    requests_mock.post(CREATE, [{"json": [busy]}, {"status_code": 404, "json": {"error": "no such node"}}])
    rental = client.services.mr.rent_any([1, 2], **MACHINE)
    with pytest.raises(octaspace.ProvisionRejectedError) as caught, rental:
        raise AssertionError("the block must not run")
    first, second = caught.value.rejections
    assert first == busy
    assert (second["node_id"], second["status"]) == (2, 404)
    for text in ("node 1", "node is busy", "node 2", "no such node"):
        assert text in str(caught.value)


def test_an_error_of_the_block_is_no_refusal(client: Client, requests_mock: requests_mock.Mocker) -> None:
    create = requests_mock.post(CREATE, [MADE, MADE])
    stop = requests_mock.post(STOP, json={})
    error = octaspace.ProvisionRejectedError("of the block")
    rental = client.services.mr.rent_any([1, 2], **MACHINE)
    with pytest.raises(octaspace.ProvisionRejectedError) as caught, rental:
        raise error
    assert caught.value is error
    assert (nodes(create), stop.call_count) == ([1], 1)


def test_an_iterator_of_ports_serves_every_offer(client: Client, requests_mock: requests_mock.Mocker) -> None:
    create = requests_mock.post(CREATE, [{"status_code": 404}, MADE])
    requests_mock.post(STOP, json={})
    with client.services.mr.rent_any([1, 2], **MACHINE, ports=iter([22]), http_ports=iter([8080])):
        pass
    sent = [request.json()[0] for request in create.request_history]
    assert [(item["ports"], item["http_ports"]) for item in sent] == [([22], [8080])] * 2


@pytest.mark.parametrize("offers", [[], ["9101"], [True], [{"id": 5}], [None], [1, "x"]], ids=repr)
def test_offers_that_cannot_be_rented_are_refused_before_anything_is_sent(
    offers: list[Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(ValueError, match="offers"), client.services.mr.rent_any(offers, **MACHINE):
        raise AssertionError("the block must not run")
    assert not requests_mock.called


def test_offers_of_search_and_of_list(sandbox: SandboxServer, sandbox_client: Client) -> None:
    mr = sandbox_client.services.mr
    with (
        mr.rent_any(mr.search()[:2], **MACHINE) as first,
        mr.rent_any(mr.list().data[:2], **MACHINE) as second,
    ):
        running = {item["uuid"] for item in sandbox_client.sessions.list().data}
        assert {first.uuid, second.uuid} <= running
    assert not {first.uuid, second.uuid} & {item["uuid"] for item in sandbox_client.sessions.list().data}
