"""The recorder: an observer of every client, told by events and by nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

import octaspace
from octaspace import CallStarted, Config, Error, Request
from octaspace.sandbox import SandboxServer
from playground.sdk.client_cache import ClientCache
from playground.sdk.recording import CallRecorder, record_calls


@pytest.fixture
def clients(app: Flask) -> ClientCache:
    found: ClientCache = app.extensions["playground"].clients
    return found


def test_configurations_with_a_recorder_are_equal() -> None:
    first, second = (Config(observers=[CallRecorder()]) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert repr(first) == repr(second) == "Config(observers=(CallRecorder(),))", "the same in every worker"


def test_every_client_of_the_app_is_recorded(clients: ClientCache, sandbox: SandboxServer) -> None:
    config = clients.base_config.replace(max_retries=0)
    one_off = clients.one_off(config)
    with one_off, clients.lease(config) as leased, record_calls() as calls:
        for client in (one_off, leased, leased.with_options(total_timeout=9)):
            client.network.info()
    assert [call.request.operation for call in calls] == ["network.info"] * 3
    assert len(sandbox.journal.entries()) == 3


def test_an_attempt_has_the_fields_of_its_event(clients: ClientCache, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=503, count=1)
    config = clients.base_config.replace(base_urls=sandbox.urls[:1], retry_interval=0.01)
    with clients.one_off(config) as client, record_calls() as calls:
        client.network.info()
    (call,) = calls
    first, second = call.attempts
    assert (first["number"], first["endpoint"], first["status"]) == (1, sandbox.urls[0], 503)
    assert (first["verdict"], second["verdict"]) == ("retry", "ok")
    assert (first["connection"], second["connection"]) == ("new", "reused")
    assert first["connections_in_use"] == call.in_use == 1
    assert first["wait"] > 0 == second["wait"]
    assert second["start"] >= first["elapsed"]
    assert first["connection_wait"] == 0.0
    assert first["cooldown"] is None
    assert (call.endpoint, call.address, call.status) == (sandbox.urls[0], sandbox.urls[0], 200)
    assert call.elapsed >= second["start"] + second["elapsed"]
    assert call.row(target="sandbox", source="page", page="a", line="b")["attempts"] == 2


def test_a_cooldown_is_recorded(clients: ClientCache, sandbox: SandboxServer) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    config = clients.base_config.replace(failure_cooldown=7)
    with clients.one_off(config) as client, record_calls() as calls:
        client.network.info()
        client.network.info()
    attempts = [attempt for call in calls for attempt in call.attempts]
    assert [attempt["cooldown"] for attempt in attempts if attempt["endpoint"] == sandbox.urls[0]] == [7]
    assert {attempt["cooldown"] for attempt in attempts if attempt["endpoint"] == sandbox.urls[1]} == {None}


def test_an_error_raised_for_a_received_answer_is_recorded(
    clients: ClientCache, sandbox: SandboxServer
) -> None:
    """A rejection inside of a 200 (Q19)."""
    with clients.lease(clients.base_config) as client, record_calls() as calls:
        with pytest.raises(octaspace.ProvisionRejectedError) as caught:
            client.services.mr.create(node_id=1, disk_size=1, image="ubuntu")
        assert [(call.error, call.status) for call in calls] == [(caught.value, 200)]


def test_nested_calls_keep_their_attempts(clients: ClientCache, sandbox: SandboxServer) -> None:
    class Asking(octaspace.Observer):
        """Makes a call of its own before the first attempt of another."""

        def call_started(self, event: CallStarted) -> None:
            if event.request.path == "/apps":
                inner.network.info()

    config = clients.base_config
    asking = config.replace(observers=[*config.observers, Asking()])
    with clients.one_off(config) as inner, clients.one_off(asking) as outer, record_calls() as calls:
        outer.apps.list()
    assert [call.request.path for call in calls] == ["/apps", "/network"]
    assert [len(call.attempts) for call in calls] == [1, 1]
    assert all(call.status == 200 for call in calls)


def test_threads_record_their_own_calls(clients: ClientCache, sandbox: SandboxServer) -> None:
    found: dict[str, Any] = {}

    def make(path: str) -> None:
        with record_calls() as calls:
            for _ in range(5):
                client.send(Request("GET", path))
        found[path] = [call.request.path for call in calls]

    with clients.lease(clients.base_config) as client:
        threads = [threading.Thread(target=make, args=(path,)) for path in ("/network", "/apps")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(Error):
            client.send(Request("GET", "/nowhere"))  # outside of a recording
    assert found == {path: [path] * 5 for path in ("/network", "/apps")}


@pytest.fixture(autouse=True)
def no_faults_remain(sandbox: SandboxServer) -> Iterator[None]:
    yield
    sandbox.faults.remove_all()
