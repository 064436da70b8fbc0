"""What an app hears of its calls."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask

import octaspace
from flask_octaspace import octaspace_error, octaspace_request, octaspace_response

from ..support.fault_server import FaultServer, answer, close_after_reading
from .conftest import MakeApp

SIGNALS = {"request": octaspace_request, "response": octaspace_response, "error": octaspace_error}

Heard = list[tuple[str, Flask, dict[str, Any]]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What arrives on the three signals, from any sender."""
    events: Heard = []
    receivers = []
    for name, signal in SIGNALS.items():

        def note(sender: Flask, name: str = name, **arguments: Any) -> None:
            events.append((name, sender, arguments))

        receivers.append((signal, note))
        signal.connect(note)
    yield events
    for signal, receiver in receivers:
        signal.disconnect(receiver)


@pytest.mark.parametrize("scope", ["app", "context"])
def test_a_call_that_succeeds(make_app: MakeApp, heard: Heard, scope: str) -> None:
    app, octa = make_app(OCTASPACE_CLIENT_SCOPE=scope)
    with app.app_context():
        client = octa.client
        response = client.nodes.find(7)
    assert [name for name, _, _ in heard] == ["request", "response"]
    for _, sender, arguments in heard:
        assert sender is app
        assert arguments["client"] is client
        assert arguments["request"].path == "/nodes/7"
    assert heard[1][2]["response"] is response


def test_attempts_are_one_call(make_app: MakeApp, api: FaultServer, heard: Heard) -> None:
    app, octa = make_app(OCTASPACE_RETRY_INTERVAL=0)
    api.then(answer(status=503), answer(status=503))
    with app.app_context():
        octa.client.nodes.list()
    assert [name for name, _, _ in heard] == ["request", "response"]
    assert heard[1][2]["response"].attempts == 3


def test_an_error_status_is_a_response_and_an_error(
    make_app: MakeApp, api: FaultServer, heard: Heard
) -> None:
    app, octa = make_app()
    api.then(answer({"error": "gone"}, status=404))
    with app.app_context(), pytest.raises(octaspace.NotFoundError) as caught:
        octa.client.nodes.find(7)
    assert [name for name, _, _ in heard] == ["request", "response", "error"]
    assert heard[1][2]["response"].status == 404
    assert heard[2][2]["error"] is caught.value


def test_without_an_answer_there_is_only_the_error(make_app: MakeApp, api: FaultServer, heard: Heard) -> None:
    app, octa = make_app(OCTASPACE_MAX_RETRIES=0)
    api.then(close_after_reading)
    with app.app_context(), pytest.raises(octaspace.ConnectionError):
        octa.client.nodes.list()
    assert [name for name, _, _ in heard] == ["request", "error"]


def test_a_refused_rental_is_a_response_and_an_error(
    make_app: MakeApp, api: FaultServer, heard: Heard
) -> None:
    app, octa = make_app()
    api.then(answer([{"node_id": 1, "reason": "busy"}]))
    with app.app_context(), pytest.raises(octaspace.ProvisionRejectedError) as caught:
        octa.client.services.mr.create(node_id=1, disk_size=10, image="ubuntu:24.04")
    assert [name for name, _, _ in heard] == ["request", "response", "error"]
    assert heard[1][2]["response"].status == 200
    assert heard[2][2]["error"] is caught.value


def test_every_client_of_the_app_is_heard(make_app: MakeApp, heard: Heard) -> None:
    app, octa = make_app()
    with app.app_context():
        clients = [
            octa.client,
            octa.client_for("theirs"),
            octa.client.with_options(api_key="derived"),
            octa.client_for("theirs").with_options(max_retries=0),
        ]
        for client in clients:
            client.nodes.list()
    told = [arguments["client"] for name, _, arguments in heard if name == "request"]
    assert told == clients
    assert {sender for _, sender, _ in heard} == {app}


def test_apps_are_told_apart(make_app: MakeApp) -> None:
    first, octa = make_app(name="first")
    second, _ = make_app(octa, "second")
    counts = {"first": 0, "second": 0}

    @octaspace_response.connect_via(first)
    def count_first(sender: Flask, **extra: Any) -> None:
        counts["first"] += 1

    @octaspace_response.connect_via(second)
    def count_second(sender: Flask, **extra: Any) -> None:
        counts["second"] += 1

    for app, times in ((first, 2), (second, 3)):
        with app.app_context():
            for _ in range(times):
                octa.client.nodes.list()
    assert counts == {"first": 2, "second": 3}


@pytest.mark.parametrize("name", ["request", "response"])
def test_what_a_receiver_raises_is_logged_once_and_fails_no_call(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    app, octa = make_app()

    def fail(sender: Flask, **extra: Any) -> None:
        raise LookupError("the receiver's own")

    with SIGNALS[name].connected_to(fail, app), app.app_context():
        for _ in range(3):
            assert octa.client.nodes.list().status == 200
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == 1
    assert "LookupError" in logged[0].getMessage()


def test_a_receiver_of_the_response_that_raises_hides_no_error(
    make_app: MakeApp, api: FaultServer, heard: Heard
) -> None:
    app, octa = make_app()
    api.then(answer(status=404))

    def fail(sender: Flask, **extra: Any) -> None:
        raise LookupError("the receiver's own")

    with (
        octaspace_response.connected_to(fail, app),
        app.app_context(),
        pytest.raises(octaspace.NotFoundError),
    ):
        octa.client.nodes.find(7)
    assert heard[-1][0] == "error"


def test_receivers_may_be_async(make_app: MakeApp) -> None:
    app, octa = make_app()
    heard = []

    async def note(sender: Flask, response: octaspace.Response[Any], **extra: Any) -> None:
        heard.append(response.status)

    with octaspace_response.connected_to(note, app), app.app_context():
        octa.client.nodes.list()
    assert heard == [200]


def test_a_call_of_an_app_that_is_gone_tells_nobody(make_app: MakeApp, heard: Heard) -> None:
    app, octa = make_app()
    with app.app_context():
        client = octa.client
        derived = client.with_options(max_retries=0)
    del app
    gc.collect()
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        derived.nodes.list()
    assert heard == []


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=list(SIGNALS))
def test_their_names_say_whose_they_are(signal: NamedSignal) -> None:
    assert signal.name.startswith("octaspace-")
