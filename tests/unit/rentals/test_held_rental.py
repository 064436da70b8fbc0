"""The owner's side of an entry: renewed, lost, given up, and written later when the ledger fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import octaspace
from octaspace.rentals import LedgerBackend, Rental, RentalLedger, open_ledger
from octaspace.rentals.held_rental import HeldRental
from octaspace.rentals.rental import Claim
from octaspace.rentals.sqlite_backend import SqliteBackend
from tests.support.redis_server import RedisServer

from .entries import ACCOUNT, SettableClock, someone

LOG = logging.getLogger("test.rentals")


class FailingBackend:
    """A storage that can be made to fail.

    Args:
        backend: The storage.
    """

    def __init__(self, backend: LedgerBackend) -> None:
        self._backend = backend
        self.fails = False

    def __getattr__(self, name: str) -> Any:
        if self.fails and name != "location":
            raise octaspace.RentalLedgerError("the disk is full")
        return getattr(self._backend, name)


@pytest.fixture
def backend(path: Path, clock: SettableClock) -> FailingBackend:
    return FailingBackend(SqliteBackend(str(path), clock=clock))


@pytest.fixture
def ledger(backend: FailingBackend) -> Iterator[RentalLedger]:
    """A ledger that can fail; its heartbeat only beats when the test says so."""
    storage: Any = backend
    ledger = RentalLedger(storage)
    ledger.heartbeat.period = 1e6
    yield ledger
    backend.fails = False
    ledger.heartbeat.let_go()


def hold(ledger: RentalLedger, **options: Any) -> HeldRental:
    """Write an entry with a lease, and hold it."""
    held = HeldRental(ledger, ledger.draft(account=ACCOUNT, service="mr", node_id=9101), log=LOG, **options)
    held.begin()
    return held


def stored(held: HeldRental) -> Rental:
    rental = held.ledger.backend.get(held.id)
    assert rental is not None
    return rental


def claimed(held: HeldRental, *, by: Any = None) -> None:
    """Let a reaper claim it for a minute."""
    claim = Claim(by or someone(), held.ledger.now(), 60.0)
    held.ledger.change(held.id, lambda one: one.changed(claim=claim))


def test_the_life_of_a_rental(ledger: RentalLedger, clock: SettableClock) -> None:
    held = hold(ledger)
    assert stored(held).state == "creating"
    clock.advance(10)
    held.attach("u-1")
    assert (stored(held).state, stored(held).uuid, stored(held).renewed) == ("active", "u-1", clock())
    clock.advance(30)
    ledger.heartbeat.beat()
    assert stored(held).renewed == clock()
    assert held.rental == stored(held)
    held.close("stopped")
    closed = stored(held)
    assert (closed.state, closed.outcome, closed.closed, closed.uuid) == ("closed", "stopped", clock(), "u-1")
    ledger.heartbeat.beat()
    assert stored(held) == closed
    assert held.lost is None


def test_a_rental_without_a_lease_is_not_renewed(ledger: RentalLedger) -> None:
    rental = ledger.draft(account=ACCOUNT, service="mr", node_id=9101, leased=False)
    held = HeldRental(ledger, rental, log=LOG)
    held.begin()
    assert not ledger.heartbeat.is_running
    held.attach("u-1")
    assert (stored(held).uuid, stored(held).lease) == ("u-1", None)


def test_a_session_that_cannot_be_recorded_is_named_and_recorded_later(
    ledger: RentalLedger, backend: FailingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    held = hold(ledger)
    backend.fails = True
    with pytest.raises(octaspace.RentalLedgerError, match="u-1") as raised:
        held.attach("u-1")
    assert raised.value.uuid == "u-1"
    assert "disk is full" in str(raised.value)
    for _ in range(3):
        ledger.heartbeat.beat()
    (record,) = [record for record in caplog.records if record.name == LOG.name]
    assert "u-1" in record.getMessage()
    backend.fails = False
    ledger.heartbeat.beat()
    assert stored(held).uuid == "u-1"
    backend.fails = True
    ledger.heartbeat.beat()
    assert len([record for record in caplog.records if record.name == LOG.name]) == 2, "it fails again"


def test_an_entry_that_cannot_be_closed_is_closed_later(
    ledger: RentalLedger, backend: FailingBackend, clock: SettableClock
) -> None:
    held = hold(ledger)
    held.attach("u-1")
    backend.fails = True
    with pytest.raises(octaspace.RentalLedgerError, match="u-1") as raised:
        held.close("stopped")
    assert raised.value.uuid == "u-1"
    assert held.id in str(raised.value)
    ledger.heartbeat.beat()
    backend.fails = False
    assert stored(held).closed is None
    clock.advance(30)
    ledger.heartbeat.beat()
    closed = stored(held)
    assert (closed.outcome, closed.uuid, closed.renewed == clock()) == ("stopped", "u-1", False)
    ledger.heartbeat.beat()
    assert stored(held) == closed
    assert not ledger.heartbeat._leases


def test_a_session_that_was_never_recorded_is_closed_with_its_uuid(
    ledger: RentalLedger, backend: FailingBackend
) -> None:
    held = hold(ledger)
    backend.fails = True
    with pytest.raises(octaspace.RentalLedgerError):
        held.attach("u-1")
    backend.fails = False
    held.close("stopped")
    assert stored(held).uuid == "u-1"


def test_a_rental_that_cannot_be_given_up_is_given_up_later(
    ledger: RentalLedger, backend: FailingBackend, caplog: pytest.LogCaptureFixture
) -> None:
    held = hold(ledger)
    held.attach("u-1")
    backend.fails = True
    held.release()
    assert held.id in caplog.text
    backend.fails = False
    assert not stored(held).released
    ledger.heartbeat.beat()
    assert stored(held).released
    assert not ledger.heartbeat._leases


def test_the_end_of_the_process(ledger: RentalLedger, backend: FailingBackend) -> None:
    running, closing, failing = hold(ledger), hold(ledger), hold(ledger)
    backend.fails = True
    with pytest.raises(octaspace.RentalLedgerError):
        closing.close("stopped")
    backend.fails = False
    ledger.heartbeat.remove(failing)
    ledger.heartbeat.let_go()
    assert (stored(running).released, stored(running).closed) == (True, None)
    assert stored(closing).outcome == "stopped"
    backend.fails = True
    failing.let_go()  # the reaper finds it
    backend.fails = False
    assert not stored(failing).released


def test_the_owner_learns_that_a_reaper_is_stopping_it(
    ledger: RentalLedger, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[octaspace.LeaseLostError] = []
    held = hold(ledger, on_lost=lost.append)
    held.attach("u-1")
    claimed(held)
    for _ in range(3):
        ledger.heartbeat.beat()
    assert lost == [held.lost]
    assert (lost[0].uuid, lost[0].rental_id) == ("u-1", held.id)
    assert "lease over" in str(lost[0])
    assert stored(held).state == "stopping"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert not ledger.heartbeat._leases


def test_a_claimed_entry_still_gets_its_session(ledger: RentalLedger) -> None:
    """The reaper could not stop what it did not know."""
    held = hold(ledger)
    claimed(held)
    held.attach("u-1")
    assert stored(held).uuid == "u-1"
    assert held.lost is not None
    assert stored(held).state == "stopping"


@pytest.mark.parametrize("outcome", ["lease over", "deadline passed", "stopped", "session gone"])
def test_the_owner_learns_that_its_entry_was_closed(ledger: RentalLedger, outcome: Any) -> None:
    lost: list[octaspace.LeaseLostError] = []
    held = hold(ledger, on_lost=lost.append)
    held.attach("u-1")
    ledger.close(held.id, outcome)
    ledger.heartbeat.beat()
    ledger.heartbeat.beat()
    assert len(lost) == 1
    assert outcome in str(lost[0])
    assert stored(held).outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "is_lost"), [("lease over", True), ("deadline passed", True), ("stopped", False)]
)
def test_the_owner_learns_it_at_the_end_of_the_block(
    ledger: RentalLedger, outcome: Any, is_lost: bool
) -> None:
    lost: list[octaspace.LeaseLostError] = []
    held = hold(ledger, on_lost=lost.append)
    held.attach("u-1")
    ledger.close(held.id, outcome)
    held.close("stopped")
    held.close("stopped")
    assert (len(lost), held.lost is not None) == ((1, True) if is_lost else (0, False))
    assert stored(held).outcome == outcome


def test_the_passed_deadline_is_the_reason(ledger: RentalLedger, clock: SettableClock) -> None:
    rental = ledger.draft(account=ACCOUNT, service="mr", node_id=9101, max_duration=60)
    held = HeldRental(ledger, rental, log=LOG)
    held.begin()
    clock.advance(60)
    claimed(held)
    held.beat()
    assert "deadline passed" in str(held.lost)


def test_the_claim_of_a_reaper_that_died_is_taken_back(ledger: RentalLedger, clock: SettableClock) -> None:
    held = hold(ledger)
    held.attach("u-1")
    claimed(held)
    clock.advance(60)
    ledger.heartbeat.beat()
    assert held.lost is None
    assert (stored(held).claim, stored(held).renewed) == (None, clock())
    dead = replace(octaspace.rentals.RentalOwner.current(), start_time="0")
    claimed(held, by=dead)
    ledger.heartbeat.beat()
    assert held.lost is None
    assert stored(held).claim is None


def test_an_entry_that_was_closed_as_not_made_is_opened_again(ledger: RentalLedger) -> None:
    """A reaper did it while this process was suspended between the request and its answer."""
    held = hold(ledger)
    ledger.close(held.id, "not made")
    held.attach("u-1")
    assert held.lost is None
    assert (stored(held).state, stored(held).uuid, stored(held).outcome) == ("active", "u-1", None)
    assert [one.id for one in ledger.backend.open_rentals()] == [held.id]


@pytest.mark.parametrize("way", ["beat", "attach", "release", "let_go"])
def test_a_missing_entry_is_written_again(ledger: RentalLedger, path: Path, way: str) -> None:
    held = hold(ledger)
    held.attach("u-1")
    path.unlink()
    {
        "beat": ledger.heartbeat.beat,
        "attach": lambda: held.attach("u-1"),
        "release": held.release,
        "let_go": ledger.heartbeat.let_go,
    }[way]()
    assert path.stat().st_mode & 0o777 == 0o600
    (rental,) = ledger.backend.open_rentals()
    assert (rental.id, rental.uuid, rental.released) == (held.id, "u-1", way in ("release", "let_go"))
    assert held.lost is None


def test_a_missing_entry_is_not_closed(ledger: RentalLedger, path: Path) -> None:
    held = hold(ledger)
    path.unlink()
    held.close("stopped")
    assert not path.exists()
    assert not ledger.heartbeat._leases


def test_redis_that_lost_its_data_gets_the_entry_again(redis_url: str, redis_server: RedisServer) -> None:
    ledger = open_ledger(redis_url)
    ledger.heartbeat.period = 1e6
    held = hold(ledger)
    held.attach("u-1")
    redis_server.kill()
    ledger.heartbeat.beat()
    redis_server.start()
    assert ledger.backend.open_rentals() == []
    ledger.heartbeat.beat()
    assert stored(held).uuid == "u-1"
    held.close("stopped")


@pytest.mark.parametrize("error", [RuntimeError("broken hook"), ValueError()], ids=repr)
def test_what_the_hook_raises_is_logged(
    ledger: RentalLedger, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def hook(lost: octaspace.LeaseLostError) -> None:
        raise error

    held, other = hold(ledger, on_lost=hook), hold(ledger)
    ledger.close(held.id, "lease over")
    ledger.heartbeat.beat()
    assert held.lost is not None
    (record,) = [record for record in caplog.records if record.exc_info]
    assert held.id in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert ledger.heartbeat._leases == [other]


def test_the_hook_runs_once_and_may_use_the_rental(ledger: RentalLedger) -> None:
    """Several threads notice the loss at once, and the hook closes the entry from another thread."""
    calls: list[str] = []
    barrier = threading.Barrier(4)

    def hook(lost: octaspace.LeaseLostError) -> None:
        calls.append(lost.rental_id)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(held.close, "stopped").result(20)

    held = hold(ledger, on_lost=hook)
    claimed(held)

    def notice() -> None:
        barrier.wait(20)
        held.beat()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(notice) for _ in range(4)]:
            each.result(60)
    assert calls == [held.id]
    assert stored(held).outcome == "stopped"
