"""Rentals that end with a block: stopped on every way out, and no error masked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.resources.services import Session
from playground.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock

from .conftest import API

MACHINE: dict[str, Any] = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}
CREATE, STOP = f"{API}/services/mr", f"{API}/services/u-1/stop"


def notes(error: BaseException) -> str:
    """What rides along with an error: its notes, or on Python 3.10 its contexts."""
    texts = [str(note) for note in getattr(error, "__notes__", [])]
    context = error.__context__
    while sys.version_info < (3, 11) and context is not None:
        texts.append(str(context))
        context = context.__context__
    return "\n".join(texts)


RENTALS: list[Callable[[Client], AbstractContextManager[Session]]] = [
    lambda c: c.services.mr.rent(node_id=c.services.mr.search()[0].node_id, disk_size=5, image="i"),
    lambda c: c.services.vpn.rent(node_id=c.services.vpn.search()[0].node_id),
    lambda c: c.services.render.rent(node_id=c.services.render.search()[0].node_id, disk_size=5),
]


@pytest.mark.parametrize("rent", RENTALS, ids=["mr", "vpn", "render"])
def test_created_used_and_stopped(
    rent: Callable[[Client], AbstractContextManager[Session]], sandbox: SandboxServer, sandbox_client: Client
) -> None:
    with rent(sandbox_client) as session:
        session.wait_until_ready()
        assert session.uuid in {item["uuid"] for item in sandbox_client.sessions.list().data}
    assert session.uuid not in {item["uuid"] for item in sandbox_client.sessions.list().data}
    assert session.uuid in {item["uuid"] for item in sandbox_client.sessions.list(recent=True).data}
    changes = [entry.operation for entry in sandbox.journal.entries() if entry.change]
    assert len(changes) == 2


@pytest.mark.parametrize("error", [RuntimeError("body"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_stopped_on_every_way_out(
    error: BaseException, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    with pytest.raises(type(error)) as caught, client.services.mr.rent(**MACHINE):
        raise error
    assert caught.value is error
    assert stop.call_count == 1


def test_stopped_when_the_function_returns(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})

    def use() -> str:
        with client.services.mr.rent(**MACHINE) as session:
            return session.uuid

    assert use() == "u-1"
    assert stop.call_count == 1


@pytest.mark.parametrize("status", [500, 502, 429])
def test_a_failing_stop_is_sent_again(
    status: int, client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.post(CREATE, json={"uuid": "u-1"})
    stop = requests_mock.post(STOP, [{"status_code": status}, {"exc": ConnectionError}, {"json": {}}])
    with client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 3
    assert clock.slept == [0.5, 1.0]


def test_stopped_by_somebody_else_is_stopped(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, status_code=404)
    with client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 1


def test_a_stop_that_fails_to_the_end_is_raised(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, status_code=503)
    with pytest.raises(octaspace.ServiceUnavailableError), client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 5


def test_a_refused_stop_is_raised_at_once(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, status_code=403)
    with pytest.raises(octaspace.PermissionError), client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 1


def test_the_bodys_error_is_not_masked_by_a_failing_stop(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, status_code=503)
    with pytest.raises(RuntimeError, match="body") as caught, client.services.mr.rent(**MACHINE):
        raise RuntimeError("body")
    assert "Session u-1 could not be stopped and goes on: POST /services/u-1/stop: 503" in notes(caught.value)


def test_a_client_closed_in_the_block_is_said(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    with pytest.raises(octaspace.ConfigurationError, match="closed"), client.services.mr.rent(**MACHINE):
        client.close()


def test_a_creation_that_fails_stops_nothing(client: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.post(CREATE, json=[{"reason": "busy", "status": 1}])
    with pytest.raises(octaspace.ProvisionRejectedError), client.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"exc": ConnectionError},
        {"status_code": 500},
        {"status_code": 504, "text": "<html>"},
        {"status_code": 408},
        {"text": "[{", "headers": {"Content-Type": "application/json"}},
        {"json": []},
        {"json": {"uuid": 7}},
        {"json": None},
    ],
)
def test_a_creation_of_unknown_outcome_says_so(
    answer: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, **answer)
    rental = client.services.mr.rent(**MACHINE)
    with pytest.raises(octaspace.Error, match="look before you send it again") as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value.outcome_unknown
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_refused_creation_is_no_riddle(
    status: int, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, status_code=status)
    with pytest.raises(octaspace.ApiError) as caught:
        client.services.mr.create(**MACHINE)
    assert not caught.value.outcome_unknown


def test_an_interrupted_creation_says_that_it_may_have_been_carried_out(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, exc=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt) as caught, client.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert "client.sessions.list()" in notes(caught.value)


def test_nothing_is_rented_before_the_block_begins(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    client.services.mr.rent(**MACHINE)
    assert requests_mock.call_count == 0
