"""Rentals that end with a block: stopped on every way out, and no error masked."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests_mock

import octaspace
from octaspace import Client
from octaspace.resources.services import Session
from octaspace.sandbox import SandboxServer
from tests.support.fake_clock import FakeClock
from tests.support.interrupting import Interrupting

from .conftest import API

MACHINE: dict[str, Any] = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}
#: The SDK's own code, the transport apart.
SDK = ("octaspace.resources", "octaspace._client", "octaspace.request")

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


@pytest.mark.parametrize("status", [500, 502, 429, 408])
def test_a_failing_stop_is_sent_again(
    status: int, client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.post(CREATE, json={"uuid": "u-1"})
    stop = requests_mock.post(STOP, [{"status_code": status}, {"exc": ConnectionError}, {"json": {}}])
    with client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 3
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("0", 0.5), ("600", 60.0), ("soon", 0.5)])
def test_a_stop_waits_as_long_as_the_api_asks_within_reason(
    asked: str, waited: float, client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    requests_mock.post(CREATE, json={"uuid": "u-1"})
    requests_mock.post(STOP, [{"status_code": 429, "headers": {"Retry-After": asked}}, {"json": {}}])
    with client.services.mr.rent(**MACHINE):
        pass
    assert clock.slept == [waited]


@pytest.mark.parametrize(
    "broken",
    [
        {"text": "{", "headers": {"Content-Type": "application/json"}},
        {"text": "<html>Maintenance</html>", "headers": {"Content-Type": "text/html"}},
        {"text": "Please wait", "headers": {"Content-Type": "text/plain"}},
        {"json": {"error": "the node does not answer"}},
        {"json": [{"error": "INTERNAL_ERROR"}]},
        {"json": {"message": "INTERNAL_ERROR"}},
        {"json": {"errors": {"uuid": ["is busy"]}}},
        {"json": {"success": False}},
        {"json": {"success": "false"}},
        {"json": {"ok": 0}},
        {"json": {"status": "error"}},
        {"json": {"status": "ERROR"}},
        {"json": {"status": "500"}},
        {"json": {"status": 400.0}},
        {"json": {"message": "INTERNAL_ERROR: the node does not answer"}},
        {"json": "INTERNAL_ERROR"},
        {"json": {"title": "Bad", "detail": "node offline", "status": 503}},
        {"json": False},
    ],
    ids=str,
)
def test_a_stop_that_is_answered_and_not_confirmed_is_sent_again(
    broken: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json={"uuid": "u-1"})
    stop = requests_mock.post(STOP, [broken, {"status_code": 404}])
    with client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 2
    stop = requests_mock.post(STOP, **broken)
    with pytest.raises(octaspace.InvalidResponseError) as caught, client.services.mr.rent(**MACHINE):
        pass
    assert caught.value.outcome_unknown
    assert stop.call_count == 5


@pytest.mark.parametrize(
    "answer",
    [
        {"text": ""}, {"status_code": 204}, {"json": None}, {"json": "stopped"}, {"json": []}, {"json": True},
        {"json": {"message": "Session stopped"}}, {"json": {"status": "stopped"}}, {"json": {"status": 200}},
        {"json": {"error": None, "success": True}}, {"json": {"uuid": "u-1", "status": "failed"}},
        {"json": {"success": 1, "status": "200"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_stop_may_be_confirmed_by_nothing(
    answer: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json={"uuid": "u-1"})
    stop = requests_mock.post(STOP, **answer)
    with client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 1


@pytest.mark.parametrize("status", [200, 403])
def test_a_session_beside_a_rejection_is_stopped(
    status: int, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    """One machine was asked for; if the answer names one and rejects one, it must be stopped."""
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}, {"message": "INTERNAL_ERROR"}])
    stop = requests_mock.post(STOP, status_code=status)
    with pytest.raises(octaspace.ProvisionRejectedError) as caught, client.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert stop.call_count == 1
    assert ("u-1 could not be stopped" in notes(caught.value)) is (status == 403)


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
    assert re.search(r"u-1 could not be stopped.* POST /services/u-1/stop: 503", notes(caught.value))


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
        {"json": [{"uuid": ".."}]},
        {"json": [{"uuid": "a\nb"}]},
        {"json": None},
        {"json": {}},
        {"json": [{}]},
        {"json": {"uuid": ""}},
        {"text": "<html>Maintenance</html>", "headers": {"Content-Type": "text/html"}},
        {"status_code": 204},
    ],
)
def test_a_creation_of_unknown_outcome_says_so(
    answer: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, **answer)
    rental = client.services.mr.rent(**MACHINE)
    with pytest.raises(octaspace.Error, match="check before retrying") as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value.outcome_unknown
    assert str(caught.value).startswith("POST /services/mr: ")
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("item", [{"message": "INTERNAL_ERROR"}, {"error": "busy"}, {"status": 2}])
@pytest.mark.parametrize("service", ["mr", "vpn", "render"])
def test_q19_a_rejection_ends_the_block_before_it_begins(
    service: str, item: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{API}/services/{service}", json=[item])
    arguments = {"mr": MACHINE, "vpn": {"node_id": 1}, "render": {"node_id": 1, "disk_size": 5}}[service]
    with (
        pytest.raises(octaspace.ProvisionRejectedError) as caught,
        getattr(client.services, service).rent(**arguments),
    ):
        raise AssertionError("the block must not run")
    assert caught.value.rejections == [item]
    assert requests_mock.call_count == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_refused_creation_is_no_riddle(
    status: int, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, status_code=status)
    with pytest.raises(octaspace.ApiError) as caught:
        client.services.mr.create(**MACHINE)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("service", ["vpn", "render"])
def test_an_answer_without_a_session_names_the_creation(
    service: str, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{API}/services/{service}", json={"ok": 1}, headers={"X-Request-Id": "r-1"})
    arguments = {"disk_size": 5} if service == "render" else {}
    rental = getattr(client.services, service).rent(node_id=1, **arguments)
    words = rf"^POST /services/{service}: 200, but the answer names no session: .* \[request id r-1\]$"
    with pytest.raises(octaspace.InvalidResponseError, match=words), rental:
        raise AssertionError("the block must not run")


HOOK_ERRORS = [
    RuntimeError("the hook's own"),
    ValueError("the hook's own"),
    octaspace.Error("the hook's own"),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", HOOK_ERRORS, ids=lambda error: type(error).__name__)
def test_a_hook_that_fails_behind_the_creation_leaves_no_machine(
    error: BaseException, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})

    def hook(response: octaspace.Response[Any]) -> None:
        if response.url == CREATE:
            raise error

    rental = client.with_options(on_response=hook).services.mr.rent(**MACHINE)
    with pytest.raises(type(error)) as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value is error
    assert stop.call_count == 1
    assert "u-1" in notes(error)


class InterruptsCreation(octaspace.Observer):
    """Raises when an attempt of a creation has ended, when the call has, or both.

    Args:
        errors: What it raises, by method.
    """

    def __init__(self, **errors: BaseException) -> None:
        self._errors = errors

    def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
        self._raise("attempt_finished", event.request)

    def call_finished(self, event: octaspace.CallFinished) -> None:
        self._raise("call_finished", event.request)

    def _raise(self, method: str, request: octaspace.Request) -> None:
        if request.operation == "services.mr.create" and method in self._errors:
            raise self._errors[method]


@pytest.mark.parametrize("first", ["on_response", "attempt_finished"])
def test_an_interrupt_behind_another_failure_behind_the_creation_leaves_no_machine(
    first: str, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    error = KeyboardInterrupt()

    def hook(response: octaspace.Response[Any]) -> None:
        if first == "on_response" and response.url == CREATE:
            raise RuntimeError("the hook's own")

    observer = InterruptsCreation(call_finished=error)
    if first == "attempt_finished":
        observer = InterruptsCreation(attempt_finished=SystemExit(), call_finished=error)
    copy = client.with_options(on_response=hook, observers=[observer])
    rental = copy.services.mr.rent(**MACHINE)
    with pytest.raises(KeyboardInterrupt) as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value is error
    assert stop.call_count == 1
    assert "u-1" in notes(error)


def test_a_hook_that_fails_behind_the_stop_as_well(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    error = RuntimeError("the hook's own")

    def hook(response: object) -> None:
        raise error

    rental = client.with_options(on_response=hook).services.mr.rent(**MACHINE)
    with pytest.raises(RuntimeError) as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value is error
    assert stop.call_count == 2
    assert "u-1" in notes(error)


def test_the_bodys_error_is_not_masked_by_a_hook_that_fails_at_the_stop(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})

    def hook(request: dict[str, Any]) -> None:
        if request["path"].endswith("/stop"):
            raise OSError("the hook's own")

    rental = client.with_options(on_request=hook).services.mr.rent(**MACHINE)
    with pytest.raises(RuntimeError, match="body") as caught, rental:
        raise RuntimeError("body")
    assert re.search(r"u-1 could not be stopped.*: the hook's own", notes(caught.value))
    assert stop.call_count == 0


@pytest.mark.parametrize("when", ["under way", "in a pause"])
def test_an_interrupted_stop_is_sent_once_more(
    when: str, client: Client, requests_mock: requests_mock.Mocker, clock: FakeClock
) -> None:
    """Who presses Ctrl-C twice wants to get out, and not to go on paying."""
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    first = {"exc": KeyboardInterrupt} if when == "under way" else {"status_code": 503}
    stop = requests_mock.post(STOP, [first, {"json": {}}])

    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt) as caught, client.services.mr.rent(**MACHINE):
        raise RuntimeError("body")
    assert stop.call_count == 2
    assert "interrupted" not in notes(caught.value)
    assert isinstance(caught.value.__context__, RuntimeError)  # the body's error is told as well


def test_a_stop_that_is_interrupted_twice_says_so(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, [{"exc": KeyboardInterrupt}, {"exc": SystemExit}])
    with pytest.raises(KeyboardInterrupt) as caught, client.services.mr.rent(**MACHINE):
        pass
    assert stop.call_count == 2
    assert re.search(r"u-1 .*interrupted.*SystemExit", notes(caught.value))


@pytest.mark.parametrize("body", ["goes on", "raises"])
def test_an_interrupt_at_any_line_leaves_no_session_behind_in_silence(
    body: str, client: Client, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    before = sys.gettrace()
    for line in range(1, 10_000):
        create.reset(), stop.reset()
        interrupting = Interrupting(line, within=SDK)
        sys.settrace(interrupting)
        try:
            with client.services.mr.rent(**MACHINE):
                if body == "raises":
                    raise RuntimeError("body")
        except (KeyboardInterrupt, RuntimeError) as error:
            noted = "client.sessions.list()" in notes(error)
        else:
            noted = False
        finally:
            sys.settrace(before)
        if not interrupting.where:
            break
        assert create.call_count <= 1
        assert stop.call_count >= create.call_count or noted, interrupting.where
    assert line > 40
    assert (create.call_count, stop.call_count) == (1, 1)


def test_an_interrupt_behind_the_answer_stops_the_session_it_names(
    client: Client, requests_mock: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    interrupts = [KeyboardInterrupt()]

    def made(trip: Any, uuid: str) -> Session:
        if interrupts:
            raise interrupts.pop()
        return Session(trip, uuid)

    monkeypatch.setattr("octaspace.resources.services.rent.Session", made)
    with pytest.raises(KeyboardInterrupt) as caught, client.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert stop.call_count == 1
    assert "client.sessions.list()" not in notes(caught.value)


def test_an_abandoned_generator_stops_its_session(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})

    def use() -> Iterator[str]:
        with client.services.mr.rent(**MACHINE) as session:
            yield session.uuid

    generator = use()
    assert next(generator) == "u-1"
    assert stop.call_count == 0
    del generator
    assert stop.call_count == 1


def test_the_notes_of_an_error_from_none_are_seen(
    client: Client, requests_mock: requests_mock.Mocker
) -> None:
    """Also where notes are contexts, which `from None` would hide."""
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, status_code=403)

    def use() -> None:
        with client.services.mr.rent(**MACHINE):
            try:
                raise KeyError("hidden")
            except KeyError:
                raise RuntimeError("body") from None

    with pytest.raises(RuntimeError) as caught:
        use()
    shown = "".join(traceback.format_exception(caught.value))
    assert "Session u-1 could not be stopped" in shown
    assert "hidden" not in shown


PROGRAM = """
import sys, octaspace
with octaspace.Client("sk-secret", base_url=sys.argv[1]) as client:
    with client.services.mr.rent(node_id=9101, disk_size=5, image="i") as session:
        print(session.uuid, flush=True)
        sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system sends no SIGINT to one process")
def test_ctrl_c_stops_the_session(sandbox: SandboxServer) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, sandbox.url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        uuid = program.stdout.readline().strip()
        program.send_signal(signal.SIGINT)
        _, complaints = program.communicate(timeout=60)
    assert complaints.rstrip().endswith("KeyboardInterrupt")
    stops = [entry for entry in sandbox.journal.entries() if entry.path == f"/services/{uuid}/stop"]
    assert [entry.carried_out for entry in stops] == [True]


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
