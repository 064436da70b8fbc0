"""Rentals under a ledger: the entry before the request, recovery of lost answers, loss by a reaper."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest
import requests
import requests_mock

import octaspace
from octaspace import Client, Config, RentalLedgerError
from octaspace.rentals import Rental, RentalLedger, RentalOwner, account_fingerprint
from octaspace.resources.services import Session
from tests.support.fake_clock import FakeClock
from tests.support.forked_child import in_child
from tests.support.interrupting import Interrupting
from tests.support.memory_ledger import MemoryBackend, memory_ledger

from .conftest import API
from .test_rent import CREATE, HOOK_ERRORS, MACHINE, SDK, STOP, notes

SESSIONS = f"{API}/sessions"
ID = "OCTASPACE_RENTAL_ID"


@pytest.fixture
def ledger() -> RentalLedger:
    return memory_ledger()


@pytest.fixture
def backend(ledger: RentalLedger) -> MemoryBackend:
    return cast(MemoryBackend, ledger.backend)


@pytest.fixture
def recorded(ledger: RentalLedger, clock: FakeClock, backend: MemoryBackend) -> Iterator[Client]:
    clock.on_sleep = lambda: backend.advance(clock.slept[-1])
    config = Config(api_key="sk-secret", base_url=API, rental_ledger=ledger)
    with Client.from_config(config, clock=clock.clock()) as client:
        yield client


def sent(create: Any) -> dict[str, Any]:
    body = create.last_request.json()
    return cast("dict[str, Any]", body[0] if isinstance(body, list) else body)


def only_entry(backend: MemoryBackend) -> Rental:
    (document,) = backend.documents.values()
    return Rental.from_json(document)


def listed(**fields: Any) -> dict[str, Any]:
    return {"uuid": "u-1", "service": "mr", "node_id": 9101, "progress": "preparing", **fields}


RENTALS: list[tuple[str, Callable[[Client], AbstractContextManager[Session]]]] = [
    ("mr", lambda c: c.services.mr.rent(**MACHINE, name="nightly", max_duration=7200)),
    ("vpn", lambda c: c.services.vpn.rent(node_id=9101, name="nightly", max_duration=7200)),
    (
        "render",
        lambda c: c.services.render.rent(node_id=9101, disk_size=5, name="nightly", max_duration=7200),
    ),
]


@pytest.mark.parametrize(("service", "rent"), RENTALS, ids=["mr", "vpn", "render"])
def test_the_order_is_entry_request_uuid_block_stop_close(
    service: str,
    rent: Callable[[Client], AbstractContextManager[Session]],
    recorded: Client,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    happened = []
    backend.on_write = lambda rental: happened.append(f"{rental.state} {rental.uuid}")

    def answer(name: str, data: Any) -> Callable[..., Any]:
        return lambda request, context: happened.append(name) or data

    requests_mock.post(f"{API}/services/{service}", json=answer("POST", {"uuid": "u-1"}))
    requests_mock.post(STOP, json=answer("stop", {}))
    with rent(recorded) as session:
        assert (session.uuid, session.recovered) == ("u-1", False)
        entry = only_entry(backend)
        assert (entry.service, entry.node_id, entry.name, entry.lease) == (service, 9101, "nightly", 90.0)
        assert entry.account == account_fingerprint("sk-secret")
        assert entry.owner == RentalOwner.current()
        assert entry.deadline is not None
        assert entry.deadline.since(entry.created) == 7200
        happened.append("block")
    assert happened == ["creating None", "POST", "active u-1", "block", "stop", "closed u-1"]
    assert only_entry(backend).outcome == "stopped"


def test_a_machine_carries_the_id_of_its_entry_beside_its_own_variables(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, json={})
    envs = {"TOKEN": "hidden-value"}
    with recorded.services.mr.rent(**MACHINE, envs=envs):
        assert sent(create)["envs"] == {"TOKEN": "hidden-value", ID: only_entry(backend).id}
    assert envs == {"TOKEN": "hidden-value"}
    assert "hidden-value" not in "".join(backend.documents.values())
    assert "sk-secret" not in "".join(backend.documents.values())


def test_the_variable_of_the_ledger_cannot_be_given(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(ValueError, match=ID), recorded.services.mr.rent(**MACHINE, envs={ID: "mine"}):
        raise AssertionError("the block must not run")
    assert not requests_mock.called
    assert not backend.open_rentals()


def test_a_ledger_that_cannot_be_written_means_that_nothing_is_rented(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    backend.broken = True
    with pytest.raises(RentalLedgerError) as caught, recorded.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert caught.value.uuid is None
    with pytest.raises(RentalLedgerError):
        recorded.services.mr.create(**MACHINE, max_duration=60)
    assert not requests_mock.called


def test_a_ledger_that_fails_later_ends_no_block_and_is_written_by_the_heartbeat(
    recorded: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def create(request: Any, context: Any) -> Any:
        backend.broken = True
        return [{"uuid": "u-1"}]

    requests_mock.post(CREATE, json=create)
    stop = requests_mock.post(STOP, json={})
    with recorded.services.mr.rent(**MACHINE):
        assert "u-1" in caplog.text
        backend.broken = False
        assert only_entry(backend).uuid is None
        ledger.heartbeat.beat()
        assert only_entry(backend).uuid == "u-1"
    assert stop.call_count == 1
    assert only_entry(backend).outcome == "stopped"


def test_an_entry_that_cannot_be_closed_names_the_session_and_is_closed_later(
    recorded: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    with pytest.raises(RentalLedgerError) as caught, recorded.services.mr.rent(**MACHINE):
        backend.broken = True
    assert caught.value.uuid == "u-1"
    assert stop.call_count == 1
    backend.broken = False
    ledger.heartbeat.beat()
    assert only_entry(backend).outcome == "stopped"


def test_the_error_of_the_block_is_not_masked_by_the_ledger(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})

    def fail() -> None:
        backend.broken = True
        raise RuntimeError("body")

    with pytest.raises(RuntimeError, match="body") as caught, recorded.services.mr.rent(**MACHINE):
        fail()
    assert stop.call_count == 1
    assert "u-1" in notes(caught.value)


REFUSALS: list[dict[str, Any]] = [
    {"json": [{"id": 0, "status": 3, "reason": "node is busy"}]},
    {"status_code": 422, "json": {"error": "no such node"}},
    {"status_code": 401, "json": {}},
    {"exc": requests.exceptions.ConnectTimeout},
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["rejected", "422", "401", "unsent"])
def test_a_refused_rental_closes_its_entry(
    refusal: dict[str, Any], recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, **refusal)
    with pytest.raises(octaspace.Error), recorded.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert only_entry(backend).outcome == "refused"


UNKNOWN: list[dict[str, Any]] = [
    {"status_code": 502, "text": "<html>"},
    {"exc": requests.exceptions.ReadTimeout},
    {"json": [{}]},
    {"text": "<html>Maintenance</html>", "headers": {"Content-Type": "text/html"}},
]


@pytest.mark.parametrize("lost", UNKNOWN, ids=["502", "timeout", "empty", "html"])
def test_a_lost_answer_is_found_in_the_sessions(
    lost: dict[str, Any],
    recorded: Client,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    create = requests_mock.post(CREATE, **lost)
    stop = requests_mock.post(STOP, json={})

    def sessions(request: Any, context: Any) -> Any:
        others = [listed(uuid="u-0"), listed(uuid="u-2", user_envs={ID: "another"})]
        return [*others, listed(user_envs={ID: sent(create)["envs"][ID]})]

    requests_mock.get(SESSIONS, [{"status_code": 503}, {"json": []}, {"json": sessions}])
    with caplog.at_level(logging.WARNING), recorded.services.mr.rent(**MACHINE) as session:
        assert (session.uuid, session.recovered) == ("u-1", True)
        assert only_entry(backend).uuid == "u-1"
    assert (create.call_count, stop.call_count) == (1, 1)
    assert "u-1" in caplog.text


def test_a_lost_answer_of_a_vpn_is_found_by_node_and_start_time(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{API}/services/vpn", status_code=504)
    requests_mock.post(STOP, json={})
    earlier, now = int(backend.wall) - 3600, int(backend.wall)
    requests_mock.get(
        SESSIONS,
        json=[
            listed(uuid="u-0", service="vpn", started_at=earlier),
            listed(uuid="u-2", service="vpn", node_id=9302, started_at=now),
            listed(uuid="u-3", service="mr", started_at=now),
            listed(service="vpn", started_at=now),
        ],
    )
    with recorded.services.vpn.rent(node_id=9101) as session:
        assert (session.uuid, session.recovered) == ("u-1", True)


@pytest.mark.parametrize(("service", "uuids"), [("vpn", ["u-1", "u-2"]), ("mr", ["u-1"])])
def test_sessions_that_could_be_its_own_leave_it_unknown_and_to_the_reaper(
    service: str,
    uuids: list[str],
    recorded: Client,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    """Two relays of one node, or a machine whose `user_envs` are not sent: nothing proves "not made"."""
    create = requests_mock.post(f"{API}/services/{service}", status_code=504)
    sessions = [listed(uuid=uuid, service=service, started_at=int(backend.wall)) for uuid in uuids]
    requests_mock.get(SESSIONS, json=sessions)
    machine = {name: value for name, value in MACHINE.items() if name != "node_id"}
    rents: dict[str, Callable[[], AbstractContextManager[Session]]] = {
        "vpn": lambda: recorded.services.vpn.rent(node_id=9101),
        "mr": lambda: recorded.services.mr.rent_any([9101, 9102], **machine),
    }
    with pytest.raises(octaspace.GatewayTimeoutError) as caught, rents[service]():
        raise AssertionError("the block must not run")
    assert caught.value.outcome_unknown
    assert create.call_count == 1
    entry = only_entry(backend)
    assert (entry.released, entry.closed) == (True, None)


@pytest.mark.parametrize("lost", UNKNOWN, ids=["502", "timeout", "empty", "html"])
def test_a_rental_that_was_not_made_is_known_not_to_be(
    lost: dict[str, Any],
    recorded: Client,
    backend: MemoryBackend,
    clock: FakeClock,
    requests_mock: requests_mock.Mocker,
) -> None:
    create = requests_mock.post(CREATE, **lost)
    requests_mock.get(SESSIONS, json=[listed(uuid="u-0", user_envs={})])
    with pytest.raises(octaspace.Error) as caught, recorded.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert not caught.value.outcome_unknown
    assert octaspace.errors.OUTCOME_UNKNOWN_HINT not in str(caught.value)
    assert "nothing was made" in str(caught.value)
    assert create.call_count == 1
    assert sum(clock.slept) == 120
    assert only_entry(backend).outcome == "not made"


@pytest.mark.parametrize("answer", [{"status_code": 503}, {"status_code": 401}, {"json": {"no": "list"}}])
def test_a_list_that_cannot_be_read_leaves_it_unknown_and_to_the_reaper(
    answer: dict[str, Any], recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, status_code=502)
    requests_mock.get(SESSIONS, **answer)
    with pytest.raises(octaspace.BadGatewayError) as caught, recorded.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert caught.value.outcome_unknown
    entry = only_entry(backend)
    assert (entry.released, entry.closed, entry.uuid) == (True, None, None)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), RuntimeError("a bug")])
def test_an_interrupted_creation_is_left_to_the_reaper(
    error: BaseException, recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, exc=error)
    with pytest.raises(type(error)), recorded.services.mr.rent(**MACHINE):
        raise AssertionError("the block must not run")
    assert only_entry(backend).released


@pytest.mark.parametrize("error", HOOK_ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("status", "body", "outcome"), [
    (200, [{"uuid": "u-1"}], "stopped"),
    (200, [{"reason": "busy"}], "refused"),
    (422, {"error": "no"}, "refused"),
    (502, {}, None),
    (200, [{}], None),
])  # fmt: skip
def test_a_hook_that_fails_behind_the_answer_hides_nothing(
    status: int,
    body: Any,
    outcome: str | None,
    error: BaseException,
    recorded: Client,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(CREATE, status_code=status, json=body)
    stop = requests_mock.post(STOP, json={})

    def hook(response: octaspace.Response[Any]) -> None:
        if response.url == CREATE:
            raise error

    rental = recorded.with_options(on_response=hook).services.mr.rent(**MACHINE)
    with pytest.raises(type(error)) as caught, rental:
        raise AssertionError("the block must not run")
    assert caught.value is error
    assert stop.call_count == (outcome == "stopped")
    assert (only_entry(backend).outcome, only_entry(backend).released) == (outcome, outcome is None)


def test_a_stop_that_fails_leaves_the_session_to_the_reaper(
    recorded: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, status_code=503)
    with pytest.raises(octaspace.ServiceUnavailableError), recorded.services.mr.rent(**MACHINE):
        pass
    entry = only_entry(backend)
    assert (entry.uuid, entry.released, entry.closed) == ("u-1", True, None)
    ledger.heartbeat.beat()
    assert only_entry(backend).released
    requests_mock.post(STOP, json={})
    requests_mock.get(SESSIONS, json=[listed()])
    assert [item.result for item in octaspace.rentals.reap(recorded).items] == ["stopped"]


def end_by_reaper(backend: MemoryBackend, recorded: Client, requests_mock: requests_mock.Mocker) -> None:
    requests_mock.get(SESSIONS, json=[listed()])
    backend.advance(7200)
    assert octaspace.rentals.reap(recorded).count("stopped") == 1


@pytest.mark.parametrize("noticed_by", ["the heartbeat", "the end of the block"])
def test_a_living_owner_learns_that_its_deadline_has_passed(
    noticed_by: str,
    recorded: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, [{"json": {}}, {"status_code": 404}])
    told: list[octaspace.LeaseLostError] = []
    rental = recorded.services.mr.rent(**MACHINE, max_duration=7200, on_lease_lost=told.append)

    def use() -> None:
        backend.advance(7199)
        ledger.heartbeat.beat()
        assert not told
        end_by_reaper(backend, recorded, requests_mock)
        if noticed_by == "the heartbeat":
            ledger.heartbeat.beat()
            assert told

    with pytest.raises(octaspace.LeaseLostError) as caught, rental:
        use()
    assert told == [caught.value]
    assert caught.value.uuid == "u-1"
    assert caught.value.rental_id == only_entry(backend).id
    assert "deadline passed" in str(caught.value)
    assert only_entry(backend).outcome == "deadline passed"


def test_the_error_of_the_block_is_not_masked_by_a_lost_lease(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    requests_mock.post(STOP, [{"json": {}}, {"status_code": 404}])

    def fail() -> None:
        end_by_reaper(backend, recorded, requests_mock)
        raise RuntimeError("body")

    rental = recorded.services.mr.rent(**MACHINE, max_duration=7200)
    with pytest.raises(RuntimeError, match="body") as caught, rental:
        fail()
    assert "deadline passed" in notes(caught.value)


FAR = datetime(2034, 1, 1, tzinfo=timezone.utc)
BAD_TERMS: list[dict[str, Any]] = [
    {"max_duration": 0}, {"max_duration": -1}, {"max_duration": "2 hours"}, {"max_duration": True},
    {"max_duration": float("nan")}, {"max_duration": float("inf")}, {"max_duration": 1e12},
    {"deadline": datetime(2026, 1, 1, tzinfo=timezone.utc)}, {"deadline": datetime(2030, 1, 1)},
    {"deadline": "2030-01-01"}, {"deadline": FAR + timedelta(days=36500)},
    {"deadline": FAR, "max_duration": 5},
    {"name": ""}, {"name": 7}, {"name": "a\nb"}, {"name": "x" * 201},
]  # fmt: skip


@pytest.mark.parametrize("terms", BAD_TERMS, ids=repr)
def test_bad_terms_are_refused_before_anything_is_sent(
    terms: dict[str, Any], recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    named = re.compile(next(iter(terms)))
    for rent in (
        lambda: recorded.services.mr.create(**MACHINE, **terms),
        lambda: recorded.services.mr.rent(**MACHINE, **terms).__enter__(),
        lambda: recorded.services.mr.rent_any([1], disk_size=1, image="i", **terms).__enter__(),
        lambda: recorded.services.vpn.rent(node_id=1, **terms).__enter__(),
        lambda: recorded.services.render.create(node_id=1, disk_size=1, **terms),
    ):
        with pytest.raises(ValueError, match=named):
            rent()
    assert not requests_mock.called
    assert not backend.documents


@pytest.mark.parametrize("terms", [{"max_duration": 60}, {"deadline": FAR}, {"name": "nightly"}])
def test_terms_without_a_ledger_are_refused(
    terms: dict[str, Any], client: Client, requests_mock: requests_mock.Mocker
) -> None:
    with pytest.raises(octaspace.ConfigurationError, match=next(iter(terms))) as caught:
        client.services.mr.create(**MACHINE, **terms)
    assert caught.value.option == "rental_ledger"
    with pytest.raises(octaspace.ConfigurationError), client.services.vpn.rent(node_id=1, **terms):
        raise AssertionError("the block must not run")
    assert not requests_mock.called


def test_create_records_what_has_a_name_or_a_deadline_without_a_lease(
    recorded: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    create = requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    recorded.services.mr.create(**MACHINE)
    assert not backend.documents
    assert ID not in sent(create)["envs"]
    response = recorded.services.mr.create(**MACHINE, max_duration=60)
    assert response.data == [{"uuid": "u-1"}]
    entry = only_entry(backend)
    assert (entry.uuid, entry.lease, entry.state) == ("u-1", None, "active")
    assert sent(create)["envs"] == {ID: entry.id}
    assert not ledger.heartbeat.is_running
    requests_mock.post(f"{API}/services/vpn", json={"uuid": "u-2"})
    recorded.services.vpn.create(node_id=9301, name="only a name")
    assert {rental.uuid: rental.deadline is None for rental in backend.open_rentals()} == {
        "u-1": False, "u-2": True,
    }  # fmt: skip


def test_a_creation_whose_session_cannot_be_recorded_names_it(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    def create(request: Any, context: Any) -> Any:
        backend.broken = True
        return [{"uuid": "u-1"}]

    requests_mock.post(CREATE, json=create)
    with pytest.raises(RentalLedgerError) as caught:
        recorded.services.mr.create(**MACHINE, max_duration=60)
    assert caught.value.uuid == "u-1"
    assert caught.value.response is not None
    assert caught.value.response.data == [{"uuid": "u-1"}]


def test_a_method_that_a_test_replaces_rents_nothing(
    recorded: Client, backend: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def create(**arguments: Any) -> octaspace.Response[Any]:
        calls.append(arguments)
        return octaspace.Response(status=200, headers={}, data={"uuid": "u-1"}, body=b"", url="http://h/")

    monkeypatch.setattr(recorded.services.mr, "create", create)
    monkeypatch.setattr("octaspace.resources.services.rent.stop_patiently", lambda sender, session: None)
    with recorded.services.mr.rent(**MACHINE) as session:
        assert session.uuid == "u-1"
    assert calls[0]["node_id"] == 9101
    assert not backend.documents


@pytest.mark.parametrize("body", ["continues", "raises"])
def test_after_an_interrupt_at_any_line_a_reaper_leaves_nothing(
    body: str,
    recorded: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    running: dict[str, dict[str, Any]] = {}

    def made(request: Any, context: Any) -> Any:
        running["u-1"] = listed(user_envs=json.loads(request.text)[0]["envs"])
        return [{"uuid": "u-1"}]

    create = requests_mock.post(CREATE, json=made)

    def stopped(request: Any, context: Any) -> Any:
        running.clear()
        return {}

    requests_mock.post(STOP, json=stopped)
    requests_mock.get(SESSIONS, json=lambda request, context: list(running.values()))
    before = sys.gettrace()
    for line in range(1, 10_000):
        create.reset(), running.clear(), backend.documents.clear()
        interrupting = Interrupting(line, within=(*SDK, "octaspace.rentals"))
        sys.settrace(interrupting)
        try:
            with recorded.services.mr.rent(**MACHINE):
                if body == "raises":
                    raise RuntimeError("body")
        except (KeyboardInterrupt, RuntimeError):
            pass
        finally:
            sys.settrace(before)
        if not interrupting.where:
            break
        assert create.call_count <= 1
        ledger.heartbeat.beat()
        backend.advance(91)
        octaspace.rentals.reap(recorded)
        assert not running, interrupting.where
        assert not ledger.heartbeat._leases, interrupting.where
    assert line > 80


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_that_leaves_the_block_stops_nothing(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    """A child that ends with sys.exit() or an exception leaves the blocks of its parent as well."""
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    stop = requests_mock.post(STOP, json={})
    block = recorded.services.mr.rent(**MACHINE)
    block.__enter__()

    def leave() -> list[Any]:
        block.__exit__(SystemExit, SystemExit(0), None)
        return [stop.call_count, only_entry(backend).state]

    assert in_child(leave) == [0, "active"]
    block.__exit__(None, None, None)
    assert (stop.call_count, only_entry(backend).outcome) == (1, "stopped")


def test_a_session_in_a_rejection_that_cannot_be_stopped_is_recorded(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    """A relay carries no id, and a reaper would have to guess which one it is."""
    requests_mock.post(f"{API}/services/vpn", json=[{"uuid": "u-1"}, {"reason": "busy"}])
    requests_mock.post(STOP, status_code=403, json={})
    with pytest.raises(octaspace.ProvisionRejectedError), recorded.services.vpn.rent(node_id=9101):
        raise AssertionError("the block must not run")
    entry = only_entry(backend)
    assert (entry.uuid, entry.released, entry.closed) == ("u-1", True, None)


def test_a_client_that_is_closed_in_the_block_names_the_session(
    recorded: Client, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(CREATE, json=[{"uuid": "u-1"}])
    with pytest.raises(octaspace.ConfigurationError) as caught, recorded.services.mr.rent(**MACHINE):
        recorded.close()
    assert "u-1" in notes(caught.value)
    entry = only_entry(backend)
    assert (entry.uuid, entry.released, entry.closed) == ("u-1", True, None)
