"""One round of the reaper, against a ledger in memory and a mocked API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import requests
import requests_mock

import octaspace
from octaspace import Client, Config
from octaspace.rentals import Rental, RentalLedger, RentalOwner, account_fingerprint, reap
from octaspace.rentals.rental import Claim
from tests.support.fake_clock import FakeClock
from tests.support.memory_ledger import MemoryBackend, memory_ledger

API = "https://api.octa.space"
SESSIONS = f"{API}/sessions"
#: A process of another machine: only its lease counts.
ELSEWHERE = RentalOwner("other", "other-boot", 1, "1")
HERE = RentalOwner.current()
#: A process of this machine that has ended: its id is taken, by one with another start time.
ENDED = replace(HERE, start_time="1")


@pytest.fixture
def ledger() -> RentalLedger:
    return memory_ledger()


@pytest.fixture
def backend(ledger: RentalLedger) -> MemoryBackend:
    return cast(MemoryBackend, ledger.backend)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(ledger: RentalLedger, clock: FakeClock) -> Iterator[Client]:
    config = Config(api_key="sk-secret", base_url=API, rental_ledger=ledger, max_retries=0)
    with Client.from_config(config, clock=clock.clock()) as client:
        yield client


def add(ledger: RentalLedger, uuid: str | None = "u-1", **values: Any) -> Rental:
    values = {"account": account_fingerprint("sk-secret"), "service": "mr", "node_id": 1, **values}
    owner, age = values.pop("owner", ELSEWHERE), values.pop("age", 0.0)
    settings = {name: values.pop(name) for name in ("max_duration", "leased", "name") if name in values}
    fields = {name: values.pop(name) for name in ("account", "service", "node_id")}
    rental = ledger.draft(**fields, **settings)
    then = rental.created.after(-age)
    rental = rental.changed(uuid=uuid, owner=owner, created=then, renewed=then, **values)
    ledger.backend.add(rental)
    return rental


def listed(*uuids: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"uuid": uuid, "service": "mr", "node_id": 1, **fields} for uuid in uuids]


def stored(ledger: RentalLedger, rental: Rental) -> Rental:
    found = ledger.backend.get(rental.id)
    assert found is not None
    return found


def stop_of(requests_mock: requests_mock.Mocker, uuid: str = "u-1", *answers: dict[str, Any]) -> Any:
    return requests_mock.post(f"{API}/services/{uuid}/stop", list(answers) or [{"json": {}}])


def test_an_empty_ledger_asks_nothing(client: Client, requests_mock: requests_mock.Mocker) -> None:
    report = reap(client)
    assert (report.ok, report.items, report.living) == (True, [], 0)
    assert not requests_mock.called


def test_a_client_without_a_ledger() -> None:
    with Client() as client, pytest.raises(octaspace.ConfigurationError, match="rental_ledger") as caught:
        reap(client)
    assert caught.value.option == "rental_ledger"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"age": 91.0}, "lease over"),
        ({"age": 91.0, "owner": ENDED}, "lease over"),
        ({"released": True, "owner": HERE}, "lease over"),
        ({"max_duration": 0.001, "owner": HERE}, "deadline passed"),
        ({"max_duration": 0.001, "leased": False}, "deadline passed"),
    ],
)
def test_what_is_stopped(
    values: dict[str, Any],
    reason: str,
    client: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    rental = add(ledger, **values)
    backend.advance(0.5)
    requests_mock.get(SESSIONS, json=listed("u-0", "u-1"))
    stop = stop_of(requests_mock)
    dry = reap(client, dry_run=True)
    assert [(item.result, item.reason) for item in dry.items] == [("stopped", reason)]
    assert (stop.called, stored(ledger, rental)) == (False, rental)
    report = reap(client)
    assert [(item.result, item.reason) for item in report.items] == [("stopped", reason)]
    assert report.ok
    assert stop.call_count == 1
    assert stored(ledger, rental).outcome == reason
    assert reap(client).items == []
    assert stop.call_count == 1


@pytest.mark.parametrize(
    "values",
    [
        {"age": 89.0},
        {"age": 91.0, "owner": HERE},
        {"age": 100_000.0, "owner": HERE},
        {"leased": False, "age": 100_000.0, "owner": ENDED},
        {"max_duration": 3600.0, "owner": HERE, "age": 91.0},
    ],
)
def test_what_is_not_stopped(
    values: dict[str, Any], client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, **values)
    requests_mock.get(SESSIONS, json=listed("u-1"))
    report = reap(client)
    assert (report.items, report.living, report.ok) == ([], 1, True)
    assert stored(ledger, rental) == rental


def test_other_accounts_are_not_touched(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, account=account_fingerprint("sk-other"), age=1e6, released=True)
    report = reap(client)
    assert (report.items, report.others) == ([], 1)
    assert stored(ledger, rental) == rental
    assert not requests_mock.called


@pytest.mark.parametrize(("host", "stopped"), [(HERE.host, 1), ("other", 0)])
def test_a_restart_ends_the_leases_of_this_machine_only(
    host: str,
    stopped: int,
    client: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    """Another machine that uses the same file has another boot as well, and is not restarted."""
    add(ledger, owner=replace(ELSEWHERE, host=host))
    backend.epoch, backend.seconds = "boot-2", 30.0
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop_of(requests_mock)
    assert reap(client).count("stopped") == stopped
    backend.wall += 91.0
    assert reap(client).count("stopped") == 1 - stopped


def test_a_clock_that_was_set_back_ends_nothing_and_does_not_prolong_the_lease(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    add(ledger)
    backend.advance(-3600.0)
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop_of(requests_mock)
    assert reap(client).living == 1
    backend.advance(89.0)
    assert reap(client).living == 1
    backend.advance(2.0)
    assert reap(client).count("stopped") == 1


def test_an_entry_without_a_session_is_found_by_its_id(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, None, age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1", user_envs={"OCTASPACE_RENTAL_ID": rental.id}))
    stop_of(requests_mock)
    assert [item.result for item in reap(client).items] == ["found", "stopped"]
    assert (stored(ledger, rental).uuid, stored(ledger, rental).outcome) == ("u-1", "lease over")


@pytest.mark.parametrize("leased", [True, False])
def test_an_entry_whose_session_never_appears_is_closed_as_not_made(
    leased: bool,
    client: Client,
    ledger: RentalLedger,
    backend: MemoryBackend,
    requests_mock: requests_mock.Mocker,
) -> None:
    rental = add(ledger, None, age=95.0, leased=leased)
    requests_mock.get(SESSIONS, json=listed("u-0", user_envs={}))
    assert reap(client).items == []
    backend.advance(30.0)
    assert [item.result for item in reap(client).items] == ["not made"]
    assert stored(ledger, rental).outcome == "not made"


def test_an_entry_whose_owner_is_still_sending_is_not_closed(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, None, age=1e5, owner=HERE)
    requests_mock.get(SESSIONS, json=[])
    assert reap(client).living == 1
    assert stored(ledger, rental) == rental


def test_a_session_that_appears_late_is_stopped(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, None, age=300.0)
    requests_mock.get(SESSIONS, json=[])
    assert reap(client).count("not made") == 1
    requests_mock.get(SESSIONS, json=listed("u-1", user_envs={"OCTASPACE_RENTAL_ID": rental.id}))
    stop = stop_of(requests_mock)
    report = reap(client)
    assert [(item.result, item.reason) for item in report.items] == [("stopped", "still running")]
    assert stop.call_count == 1
    assert stored(ledger, rental).uuid == "u-1"


def test_a_stop_without_an_effect_is_sent_again_when_there_was_time_for_it(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    add(ledger, age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop = stop_of(requests_mock)
    reap(client)
    backend.advance(60.0)
    assert reap(client).items == []
    backend.advance(61.0)
    assert reap(client).count("stopped") == 1
    assert stop.call_count == 2


def test_closed_entries_are_kept_for_a_week(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    add(ledger, age=91.0)
    requests_mock.get(SESSIONS, json=[])
    stop_of(requests_mock)
    reap(client)
    backend.advance(6.9 * 86400)
    reap(client)
    assert len(backend.documents) == 1
    backend.advance(0.2 * 86400)
    reap(client)
    assert not backend.documents


def test_a_session_that_is_gone_closes_its_entry(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    dead = add(ledger, "u-1", age=91.0)
    ended = add(ledger, "u-2", age=200.0, leased=False)
    young = add(ledger, "u-3", leased=False)
    listed_late = add(ledger, "u-4", age=200.0, leased=False)
    requests_mock.get(SESSIONS, json=[])
    stop_of(requests_mock, "u-1", {"status_code": 404})
    requests_mock.get(f"{API}/services/u-2/info", status_code=404)
    requests_mock.get(f"{API}/services/u-4/info", json=listed("u-4")[0])
    report = reap(client)
    assert {item.rental.uuid: item.result for item in report.items} == {"u-1": "gone", "u-2": "gone"}
    assert stored(ledger, dead).outcome == stored(ledger, ended).outcome == "session gone"
    assert stored(ledger, young).closed is stored(ledger, listed_late).closed is None


@pytest.mark.parametrize(
    "failure", [{"status_code": 503}, {"exc": requests.exceptions.ConnectionError}, {"text": "<html>"}]
)
def test_a_stop_that_fails_is_retried_with_the_others_in_between(
    failure: dict[str, Any],
    client: Client,
    ledger: RentalLedger,
    clock: FakeClock,
    requests_mock: requests_mock.Mocker,
) -> None:
    add(ledger, "u-1", age=91.0)
    add(ledger, "u-2", age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1", "u-2"))
    failing = stop_of(requests_mock, "u-1", failure, failure, {"json": {}})
    other = stop_of(requests_mock, "u-2")
    report = reap(client)
    assert (report.count("stopped"), report.ok) == (2, True)
    assert (failing.call_count, other.call_count) == (3, 1)
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [503, 401, 403])
def test_a_stop_that_keeps_failing_is_reported_and_left_for_the_next_round(
    status: int,
    client: Client,
    ledger: RentalLedger,
    requests_mock: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rental = add(ledger, age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop = stop_of(requests_mock, "u-1", {"status_code": status})
    with caplog.at_level(logging.WARNING):
        report = reap(client)
    (item,) = report.items
    assert (item.result, report.ok) == ("failed", False)
    assert str(status) in item.detail
    assert stop.call_count == (5 if status == 503 else 1)
    assert "u-1" in caplog.text
    assert stored(ledger, rental).claim is None
    stop_of(requests_mock)
    assert reap(client).count("stopped") == 1


def test_an_exception_of_a_hook_does_not_end_the_round(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    add(ledger, "u-1", age=91.0)
    add(ledger, "u-2", age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1", "u-2"))
    stop_of(requests_mock, "u-1"), stop_of(requests_mock, "u-2")

    def hook(request: dict[str, Any]) -> None:
        if "u-1" in request["path"]:
            raise RuntimeError("the hook's own")

    report = reap(client.with_options(on_request=hook))
    assert {item.rental.uuid: item.result for item in report.items} == {"u-1": "failed", "u-2": "stopped"}


@pytest.mark.parametrize("answer", [{"status_code": 500}, {"text": "<html>"}, {"json": {"no": "list"}}])
def test_without_a_list_the_known_sessions_are_stopped(
    answer: dict[str, Any], client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    known, unknown = add(ledger, "u-1", age=91.0), add(ledger, None, age=1000.0)
    requests_mock.get(SESSIONS, **answer)
    stop_of(requests_mock)
    report = reap(client)
    assert (report.ok, report.count("stopped")) == (False, 1)
    assert report.problem
    assert stored(ledger, known).closed is not None
    assert stored(ledger, unknown).closed is None


def test_the_claim_of_another_reaper_is_respected_until_it_is_over(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, age=91.0)
    ledger.change(rental.id, lambda one: one.changed(claim=Claim(ELSEWHERE, backend.now(), 60.0)))
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop = stop_of(requests_mock)
    report = reap(client)
    assert ([item.result for item in report.items], report.ok, stop.called) == (["claimed"], True, False)
    backend.advance(61.0)
    assert reap(client).count("stopped") == 1


def test_the_claim_of_a_reaper_of_this_machine_ends_with_its_process(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, age=91.0)
    ledger.change(rental.id, lambda one: one.changed(claim=Claim(ENDED, backend.now(), 60.0)))
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop_of(requests_mock)
    assert reap(client).count("stopped") == 1


def test_an_owner_that_renews_before_the_claim_keeps_its_session(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, age=91.0)
    stop = stop_of(requests_mock)

    def renewed(request: Any, context: Any) -> Any:
        ledger.change(rental.id, lambda one: one.changed(renewed=backend.now()))
        return listed("u-1")

    requests_mock.get(SESSIONS, json=renewed)
    report = reap(client)
    assert (report.items, report.living, stop.called) == ([], 1, False)


def test_an_owner_that_renews_between_the_reading_and_the_writing_of_the_claim(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, age=91.0)
    requests_mock.get(SESSIONS, json=listed("u-1"))
    stop = stop_of(requests_mock)

    def on_write(new: Rental) -> None:
        if new.claim is not None:
            backend.on_write = lambda one: None
            ledger.change(rental.id, lambda one: one.changed(renewed=backend.now()))

    backend.on_write = on_write
    report = reap(client)
    assert (report.items, report.living, stop.called) == ([], 1, False)


def test_somebody_elses_vpn_beside_an_abandoned_one_is_not_touched(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, None, age=300.0, service="vpn")
    start = int(backend.wall) - 299
    two = listed("u-1", "u-2", service="vpn", started_at=start)
    requests_mock.get(SESSIONS, json=two)
    report = reap(client)
    assert ([item.result for item in report.items], report.ok) == (["undecided"], False)
    assert stored(ledger, rental) == rental
    requests_mock.get(SESSIONS, json=two[:1])
    stop = stop_of(requests_mock)
    assert reap(client).count("stopped") == 1
    assert stop.call_count == 1


def test_a_ledger_that_cannot_be_read(client: Client, backend: MemoryBackend, ledger: RentalLedger) -> None:
    add(ledger, age=91.0)
    backend.broken = True
    with pytest.raises(octaspace.RentalLedgerError):
        reap(client)


def test_no_key_in_the_report_and_the_log(
    client: Client,
    ledger: RentalLedger,
    requests_mock: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(ledger, age=91.0)
    requests_mock.get(SESSIONS, status_code=500, json={"error": "bad key sk-secret"})
    stop_of(requests_mock, "u-1", {"status_code": 403, "json": {"error": "bad key sk-secret"}})
    with caplog.at_level(logging.DEBUG):
        report = reap(client)
    assert "bad key ***" in report.items[0].detail
    assert "sk-secret" not in f"{report}{caplog.text}"


def test_a_wrong_base_url_closes_nothing(
    client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    """It answers 404 to the list as well as to the stop: that does not prove that the session is gone."""
    rental = add(ledger, released=True)
    requests_mock.get(SESSIONS, status_code=404)
    stop_of(requests_mock, "u-1", {"status_code": 404})
    report = reap(client)
    assert ([item.result for item in report.items], report.ok) == (["failed"], False)
    left = stored(ledger, rental)
    assert (left.closed, left.claim) == (None, None)


@pytest.mark.parametrize("progress", ["failed", "terminated", "stopped"])
def test_a_session_that_has_failed_is_found_and_stopped(
    progress: str, client: Client, ledger: RentalLedger, requests_mock: requests_mock.Mocker
) -> None:
    """While the API lists it without an end, it may be charged for."""
    rental = add(ledger, None, released=True)
    envs = {"OCTASPACE_RENTAL_ID": rental.id}
    requests_mock.get(SESSIONS, json=listed("u-1", progress=progress, user_envs=envs))
    stop = stop_of(requests_mock)
    assert [item.result for item in reap(client).items] == ["found", "stopped"]
    assert stop.call_count == 1


def test_a_session_whose_start_is_set_when_it_is_ready_is_still_the_same(
    client: Client, ledger: RentalLedger, backend: MemoryBackend, requests_mock: requests_mock.Mocker
) -> None:
    rental = add(ledger, leased=False, max_duration=7200.0, age=3600.0)
    requests_mock.get(SESSIONS, json=listed("u-1", started_at=int(backend.wall) - 60))
    report = reap(client)
    assert (report.items, report.living) == ([], 1)
    assert stored(ledger, rental) == rental
