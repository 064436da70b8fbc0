"""The reaper: which rentals it ends, with which keys, and what it survives."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from octaspace.rentals import Rental, RentalLedger, account_fingerprint
from octaspace.sandbox import SandboxServer
from playground.browser.api_target import SANDBOX_KEY
from playground.reaper.rounds import Reaper
from playground.reaper.targets import KnownTargets
from playground.settings import ProcessSettings
from playground.store import BrowserState, Database, ReaperRounds, open_database
from playground.store.browser_state import IDLE_SECONDS

from ...support.redis_server import RedisServer
from ...support.running_playground import ROOT, bare_environment
from ...support.waiting import until
from ..browsing import Visitor, text_of
from ..conftest import MakeApp
from ..pages.rent.renting import rent
from ..small_api import SmallApi
from ..store.fakes import FakeClock

RELAY = {"node_id": "9301", "subkind": "wg"}
SETTINGS = "/playground/settings"

#: Hours that are over when the answer has come: less than a millisecond.
AT_ONCE = "0.0000001"


@pytest.fixture
def ledger(app: Flask) -> RentalLedger:
    found: RentalLedger = app.extensions["playground"].rental_ledger
    return found


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["playground"].database
    return found


@pytest.fixture
def targets(process: ProcessSettings, database: Database) -> KnownTargets:
    return KnownTargets(process, database)


@pytest.fixture
def reaper(ledger: RentalLedger, database: Database, targets: KnownTargets) -> Reaper:
    return Reaper(ledger, database, targets)


def stopped(sandbox: SandboxServer) -> set[str]:
    """The sessions that were asked to stop."""
    return {entry.path.split("/")[2] for entry in sandbox.journal.entries() if entry.path.endswith("/stop")}


def make_old(ledger: RentalLedger, rental: Rental) -> Rental:
    """Let an entry be older than the time in which its session may be missing from the list."""
    old = rental.created.after(-2 * ledger.reconcile_timeout)
    changed = ledger.change(rental.id, lambda one: one.changed(created=old, renewed=old))
    assert changed is not None
    return changed


def test_only_what_has_passed_its_deadline_is_stopped(
    visitor: Visitor, ledger: RentalLedger, reaper: Reaper, sandbox: SandboxServer, database: Database
) -> None:
    for hours in (AT_ONCE, "1", ""):
        rent(visitor, "vpn", **RELAY, max_duration=hours)
    due, *others = ledger.backend.open_rentals()
    reaper.round()
    assert stopped(sandbox) == {due.uuid}
    assert ledger.backend.open_rentals() == others
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["deadline passed"]
    assert ReaperRounds(database).last(account_fingerprint(SANDBOX_KEY), "sandbox") is not None
    reaper.round()
    assert stopped(sandbox) == {due.uuid}


def test_an_entry_whose_session_is_gone_is_closed(
    visitor: Visitor, ledger: RentalLedger, reaper: Reaper, sandbox: SandboxServer
) -> None:
    rent(visitor, "vpn", **RELAY)
    (rental,) = ledger.backend.open_rentals()
    sandbox.world.sessions.stop(str(rental.uuid), None)
    make_old(ledger, rental)
    reaper.round()
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["session gone"]


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_deadline_is_enforced_although_the_ledger_was_removed(
    what: str, visitor: Visitor, ledger: RentalLedger, reaper: Reaper, sandbox: SandboxServer,
    process: ProcessSettings, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    rent(visitor, "vpn", **RELAY, max_duration="1")
    (rental,) = ledger.backend.open_rentals()
    reaper.round()
    for path in process.state_dir.glob("rentals.db*" if what == "the file" else "*"):
        path.unlink()
    if what == "the folder":
        process.state_dir.rmdir()
    for _ in range(2):
        reaper.round()
    (line,) = [one for one in caplog.messages if "lost 1 open rentals" in one]
    if what == "the file":
        assert "were written again" in line
        assert ledger.backend.open_rentals() == [rental]
        passed = ledger.now().after(-1)
        assert ledger.change(rental.id, lambda one: one.changed(deadline=passed)) is not None
    else:
        assert "cannot be written again" in line
        passed = ledger.now().after(4000)
        ledger.backend.now = lambda: passed  # type: ignore[method-assign]
    assert stopped(sandbox) == set()
    for _ in range(2):
        reaper.round()
    assert stopped(sandbox) == {rental.uuid}


def test_an_entry_that_another_process_has_closed_is_not_written_again(
    visitor: Visitor, ledger: RentalLedger, reaper: Reaper, sandbox: SandboxServer
) -> None:
    for _ in range(2):
        rent(visitor, "vpn", **RELAY, max_duration="1")
    one, other = ledger.backend.open_rentals()
    reaper.round()
    ledger.close(one.id, "stopped")  # as another process does
    reaper.round()
    assert ledger.backend.open_rentals() == [other]


def test_without_entries_nothing_is_sent(reaper: Reaper, sandbox: SandboxServer) -> None:
    reaper.round()
    assert sandbox.journal.entries() == []


def test_keys_of_browsers_are_used_with_their_own_endpoints(
    app: Flask, ledger: RentalLedger, reaper: Reaper, targets: KnownTargets, sandbox: SandboxServer
) -> None:
    custom = Visitor(app)
    custom.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0], api_key="key-of-the-first")
    own = Visitor(app)
    own.post(f"{SETTINGS}/source", kind="sandbox", api_key="key-of-the-second")
    for visitor in (custom, own, Visitor(app)):
        rent(visitor, "vpn", **RELAY, max_duration=AT_ONCE)
    uuids = {rental.uuid for rental in ledger.backend.open_rentals()}
    sandbox.journal.clear()
    reaper.round()
    assert stopped(sandbox) == uuids
    assert ledger.backend.open_rentals() == []
    known = {(target.kind, target.endpoints) for target in targets.all()}
    assert ("custom", (sandbox.urls[0],)) in known
    assert len(targets.all()) == 3


def test_the_same_key_for_two_apis_does_not_close_the_entries_of_the_other(
    visitor: Visitor, ledger: RentalLedger, reaper: Reaper, sandbox: SandboxServer
) -> None:
    """The reaper of one API does not see the session of the other, and leaves its entry."""
    with SandboxServer(ports=(0,)) as other:
        key = {"api_key": "the-same-key"}
        visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=other.url, **key)
        rent(visitor, "vpn", **RELAY, name="elsewhere")
        (rental,) = ledger.backend.open_rentals()
        make_old(ledger, rental)
        visitor.post(f"{SETTINGS}/source", kind="sandbox", **key)
        rent(visitor, "vpn", **RELAY, max_duration=AT_ONCE)
        reaper.round()
        assert [one.name for one in ledger.backend.open_rentals()] == ["elsewhere"]
        assert len(stopped(sandbox)) == 1
        assert stopped(other) == set()
        ledger.extend(rental.id, 0.001)
        reaper.round()
        assert stopped(other) == {rental.uuid}
    assert ledger.backend.open_rentals() == []


def test_an_address_that_is_no_longer_allowed_gets_no_key(
    visitor: Visitor, process: ProcessSettings, database: Database, sandbox: SandboxServer
) -> None:
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0], api_key="a-typed-key")
    visitor.post(f"{SETTINGS}/source", kind="live", api_key="a-live-key")
    strict = replace(process, allowed_endpoints=(), operator_urls=("https://another.example",))
    known = KnownTargets(strict, database)
    known.refresh(lambda target: True)
    assert [target.kind for target in known.all()] == ["sandbox"]
    loose = KnownTargets(process, database)
    loose.refresh(lambda target: True)
    assert {(target.kind, target.key) for target in loose.all()} == {
        ("sandbox", SANDBOX_KEY), ("custom", "a-typed-key"), ("live", "a-live-key"),
    }  # fmt: skip
    assert "a-typed-key" not in repr(loose.all())


@pytest.mark.parametrize("end", ["expired", "key deleted", "forgotten"])
def test_a_key_outlives_idle_hours_while_it_is_needed_and_a_deletion_never(
    process: ProcessSettings, tmp_path: Path, end: str
) -> None:
    clock = FakeClock()
    database = open_database(tmp_path, clock=clock)
    state = BrowserState(database, "a-browser")
    state.save("source", {"kind": "custom", "endpoints": ["http://127.0.0.1:9"]})
    state.save("key:custom:http://127.0.0.1:9", {"key": "a-typed-key"})
    known = KnownTargets(process, database)
    known.refresh(lambda target: False)
    assert [target.key for target in known.all()] == [SANDBOX_KEY, "a-typed-key"]
    if end == "expired":
        clock.advance(IDLE_SECONDS + 1)
    elif end == "key deleted":
        state.drop("key:custom:http://127.0.0.1:9")
    else:
        state.forget()
    known.refresh(lambda target: target.key == "a-typed-key")
    assert ("a-typed-key" in [target.key for target in known.all()]) == (end == "expired")
    known.refresh(lambda target: False)
    assert [target.key for target in known.all()] == [SANDBOX_KEY]
    database.close()


def test_a_target_that_fails_is_logged_without_the_key_and_the_next_follows(
    app: Flask,
    ledger: RentalLedger,
    reaper: Reaper,
    sandbox: SandboxServer,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused, fine = Visitor(app), Visitor(app)
    refused.post(f"{SETTINGS}/source", kind="sandbox", api_key="key-that-is-revoked")
    for visitor in (refused, fine):
        rent(visitor, "vpn", **RELAY, max_duration=AT_ONCE)
    first, second = ledger.backend.open_rentals()
    sandbox.faults.add("status", status=403, path=f"/services/{first.uuid}/stop")
    with caplog.at_level(logging.WARNING):
        reaper.round()
    assert ledger.backend.open_rentals()[0].uuid == first.uuid
    assert [one.uuid for one in ledger.backend.closed_rentals()] == [second.uuid]
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert f"{first.uuid} could not be stopped" in said
    assert "key-that-is-revoked" not in said
    rounds = ReaperRounds(database)
    assert rounds.last(account_fingerprint("key-that-is-revoked"), "sandbox") is None
    assert rounds.last(account_fingerprint(SANDBOX_KEY), "sandbox") is not None


def test_a_broken_ledger_ends_no_round_for_good(
    visitor: Visitor,
    ledger: RentalLedger,
    reaper: Reaper,
    sandbox: SandboxServer,
    process: ProcessSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rent(visitor, "vpn", **RELAY, max_duration=AT_ONCE)
    path = process.state_dir / "rentals.db"
    whole = path.read_bytes()
    path.write_bytes(b"something else" * 100)
    reaper.round()
    assert "The rental ledger cannot be read" in caplog.text
    assert stopped(sandbox) == set()
    path.write_bytes(whole)
    reaper.round()
    assert len(stopped(sandbox)) == 1


def test_a_key_that_the_api_repeats_is_not_stored(
    process: ProcessSettings, make_app: MakeApp, small_api: SmallApi, caplog: pytest.LogCaptureFixture
) -> None:
    """The reaper adds the session of an entry as the API names it."""
    key = "sk-the-operators-own-key"
    process = replace(process, operator_key=key, operator_urls=(small_api.url,))
    state = make_app(process).extensions["playground"]
    ledger = state.rental_ledger
    account = account_fingerprint(key)
    rental = ledger.draft(account=account, service="mr", node_id=1, max_duration=3600, leased=False)
    ledger.backend.add(rental)
    found = {"uuid": f"of {key}", "node_id": 1, "user_envs": {"OCTASPACE_RENTAL_ID": rental.id}}
    small_api.answers = {"GET /sessions": [found]}
    with caplog.at_level(logging.DEBUG):
        Reaper(ledger, state.database, KnownTargets(process, state.database)).round()
    (stored,) = ledger.backend.open_rentals()
    assert stored.uuid == "of ***"
    assert small_api.arrived("GET")[0].headers["authorization"] == key
    small_api.answers = {}
    ledger.extend(rental.id, 0.001)
    with caplog.at_level(logging.DEBUG):
        Reaper(ledger, state.database, KnownTargets(process, state.database)).round()
    assert key not in caplog.text
    for file in process.state_dir.glob("rentals.db*"):
        assert key.encode() not in file.read_bytes()


def test_entries_without_a_known_key_are_named_once(
    ledger: RentalLedger, reaper: Reaper, caplog: pytest.LogCaptureFixture
) -> None:
    account = account_fingerprint("a key that nobody has typed here")
    ledger.backend.add(ledger.draft(account=account, service="vpn", node_id=1, max_duration=60, leased=False))
    for _ in range(2):
        reaper.round()
    assert caplog.text.count("whose key is not known here") == 1


def test_the_process_makes_a_round_and_says_what_it_cannot(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer, tmp_path: Path
) -> None:
    environment = {
        "PLAYGROUND_STATE_DIR": str(process.state_dir),
        "PLAYGROUND_SANDBOX_URLS": ",".join(sandbox.urls),
    }
    rent(Visitor(make_app(process)), "vpn", **RELAY, max_duration=AT_ONCE)

    def once(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "playground.reaper", "--once"], cwd=ROOT, capture_output=True, text=True,
            env={**bare_environment(), **environment, **more}, timeout=60, check=False,
        )  # fmt: skip

    done = once()
    assert done.returncode == 0, done.stderr
    assert len(stopped(sandbox)) == 1
    assert "deadline passed" in done.stderr
    refused = once(PLAYGROUND_RENTAL_LEDGER="mysql://db")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "PLAYGROUND_RENTAL_LEDGER" in refused.stderr


def test_the_process_ends_at_once_also_in_a_round(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer
) -> None:
    rent(Visitor(make_app(process)), "vpn", **RELAY, max_duration=AT_ONCE)
    sandbox.journal.clear()
    fault = sandbox.faults.add("stall", path="/sessions")
    environment = {
        "PLAYGROUND_STATE_DIR": str(process.state_dir), "PLAYGROUND_SANDBOX_URLS": ",".join(sandbox.urls),
    }  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "playground.reaper"], cwd=ROOT, env={**bare_environment(), **environment},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: fault.fired > 0, within=30)
        running.terminate()
        assert running.wait(10) == 0
    finally:
        running.kill()
        running.wait()


def test_the_process_names_the_rentals_that_only_it_knows_when_it_ends(
    process: ProcessSettings, make_app: MakeApp, ledger: RentalLedger, sandbox: SandboxServer, tmp_path: Path
) -> None:
    rent(Visitor(make_app(process)), "vpn", **RELAY, max_duration="1")
    (rental,) = ledger.backend.open_rentals()
    environment = {
        "PLAYGROUND_STATE_DIR": str(process.state_dir), "PLAYGROUND_SANDBOX_URLS": ",".join(sandbox.urls),
        "PLAYGROUND_REAPER_SECONDS": "1",
    }  # fmt: skip
    sandbox.journal.clear()
    log = tmp_path / "reaper.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "playground.reaper"], cwd=ROOT, env={**bare_environment(), **environment},
            stderr=output,
        )  # fmt: skip
        try:
            until(lambda: sandbox.journal.entries(), within=30)
            process.state_dir.rename(tmp_path / "moved")  # at once, while the process writes
            until(lambda: "cannot be written again" in log.read_text(), within=30)
            running.terminate()
            assert running.wait(10) == 0
        finally:
            running.kill()
            running.wait()
    assert log.read_text().splitlines()[-1].endswith(f"stop their sessions by hand: {rental.uuid}")


def test_a_ledger_in_redis_is_that_of_the_state_and_its_outage_has_a_card(
    process: ProcessSettings,
    make_app: MakeApp,
    redis_server: RedisServer,
    sandbox: SandboxServer,
    tmp_path: Path,
) -> None:
    redis_server.start()
    with redis_server.client() as client:
        client.flushall()
    both = ProcessSettings.read({"PLAYGROUND_REDIS_URL": redis_server.url}, tmp_path)
    state = make_app(replace(both, sandbox_urls=process.sandbox_urls)).extensions["playground"]
    visitor = Visitor(make_app(replace(process, ledger_url=both.rental_ledger)))  # its state is in a file
    rent(visitor, "vpn", **RELAY, max_duration=AT_ONCE, name="of another machine")
    (rental,) = state.rental_ledger.backend.open_rentals()
    assert "of another machine" in visitor.get("/playground/rentals").get_data(as_text=True)
    Reaper(state.rental_ledger, state.database, KnownTargets(process, state.database)).round()
    assert stopped(sandbox) == {rental.uuid}
    redis_server.stop()
    try:
        page = visitor.page("/playground/rentals")
        card = text_of(page.select("#panel-rentals .problem")[0])
        assert "RentalLedgerError" in card
        refused = visitor.follow(rent(visitor, "vpn", **RELAY))
        assert "nothing was rented" in text_of(refused.select(".problem")[0])
    finally:
        redis_server.start()
    assert len([entry for entry in sandbox.journal.entries() if entry.change]) == 2
