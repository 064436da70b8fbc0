"""Leases and deadlines on the ledger's own clock: a reboot ends all leases, a set clock none."""

from __future__ import annotations

import socket
from datetime import datetime, timezone

import pytest

from octaspace.rentals import LedgerTime, Rental, RentalLedger
from octaspace.rentals.rental import Claim
from octaspace.rentals.sqlite_backend import SqliteBackend, host_time

from .entries import ACCOUNT, SettableClock, new_rental, someone

HOUR = 3600.0


@pytest.fixture
def rental(ledger: RentalLedger) -> Rental:
    """A rental with a lease of 90 seconds and a deadline in two hours."""
    rental = ledger.draft(account=ACCOUNT, service="mr", node_id=9101, max_duration=2 * HOUR)
    ledger.backend.add(rental)
    return rental


def test_a_lease_ends_when_it_was_not_renewed(
    ledger: RentalLedger, rental: Rental, clock: SettableClock
) -> None:
    clock.advance(89.9)
    assert not rental.lease_over(ledger.now(), socket.gethostname())
    clock.advance(0.1)
    assert rental.lease_over(ledger.now(), socket.gethostname())


@pytest.mark.parametrize("seconds", [-HOUR, HOUR, -1e9, 1e9])
def test_a_set_clock_ends_no_lease_and_no_deadline(
    ledger: RentalLedger, rental: Rental, clock: SettableClock, seconds: float
) -> None:
    clock.set_wall(seconds)
    assert not rental.lease_over(ledger.now(), socket.gethostname())
    assert not rental.deadline_passed(ledger.now())
    clock.advance(90)
    assert rental.lease_over(ledger.now(), socket.gethostname())
    clock.set_wall(-seconds)
    assert rental.lease_over(ledger.now(), socket.gethostname())
    clock.advance(2 * HOUR - 90)
    assert rental.deadline_passed(ledger.now())


def test_a_reboot_ends_every_lease(ledger: RentalLedger, rental: Rental, clock: SettableClock) -> None:
    clock.reboot("boot-2", after=10)
    assert rental.lease_over(ledger.now(), socket.gethostname())
    assert not rental.deadline_passed(ledger.now())


def test_a_deadline_goes_on_over_a_reboot(ledger: RentalLedger, rental: Rental, clock: SettableClock) -> None:
    clock.reboot("boot-2", after=2 * HOUR - 1)
    assert not rental.deadline_passed(ledger.now())
    clock.advance(1)
    assert rental.deadline_passed(ledger.now())


def test_a_rental_without_a_lease_ends_by_its_deadline_only(
    ledger: RentalLedger, clock: SettableClock
) -> None:
    rental = ledger.draft(account=ACCOUNT, service="vpn", node_id=1, leased=False, max_duration=HOUR)
    clock.reboot("boot-2")
    assert not rental.lease_over(ledger.now(), socket.gethostname())
    unlimited = ledger.draft(account=ACCOUNT, service="vpn", node_id=1, leased=False)
    clock.advance(1e9)
    assert rental.deadline_passed(ledger.now())
    assert not unlimited.deadline_passed(ledger.now())
    assert not unlimited.lease_over(ledger.now(), socket.gethostname())


def test_a_rental_that_was_given_up_has_no_lease_left(ledger: RentalLedger, rental: Rental) -> None:
    assert rental.changed(released=True).lease_over(ledger.now(), socket.gethostname())


def test_a_deadline_is_extended_from_now(ledger: RentalLedger, rental: Rental, clock: SettableClock) -> None:
    clock.advance(HOUR)
    extended = ledger.extend(rental.id, 4 * HOUR)
    assert extended is not None
    assert extended.deadline == clock().after(4 * HOUR)
    ledger.close(rental.id, "stopped")
    closed = ledger.extend(rental.id, 9 * HOUR)
    assert closed is not None
    assert closed.deadline == extended.deadline
    assert ledger.extend("unknown", HOUR) is None


def test_a_rental_that_is_being_stopped_is_not_extended(ledger: RentalLedger, rental: Rental) -> None:
    claim = Claim(someone(), ledger.now(), 60.0)
    ledger.change(rental.id, lambda one: one.changed(claim=claim))
    stopping = ledger.extend(rental.id, 9 * HOUR)
    assert stopping is not None
    assert stopping.deadline == rental.deadline
    assert stopping.state == "stopping"


@pytest.mark.parametrize(
    ("seconds", "epoch", "is_over"),
    [(0.0, "boot-1", False), (59.0, "boot-1", False), (60.0, "boot-1", True), (-1.0, "boot-1", False),
     (-60.0, "boot-1", True), (0.0, "boot-2", True)],
)  # fmt: skip
def test_a_claim_lasts_for_its_time(seconds: float, epoch: str, is_over: bool) -> None:
    claim = Claim(someone(), LedgerTime("boot-1", 1000.0, 1e9), 60.0)
    assert claim.is_over(LedgerTime(epoch, 1000.0 + seconds, 1e9 + seconds)) is is_over


def test_the_host_time_has_the_boot_as_its_epoch() -> None:
    first, second = host_time(), SqliteBackend("unused").now()
    assert first.epoch == second.epoch
    assert first.seconds <= second.seconds


def test_times_of_two_epochs_are_compared_by_the_calendar() -> None:
    early, late = LedgerTime("boot-1", 5000.0, 1_700_000_000.0), LedgerTime("boot-2", 3.0, 1_700_000_100.0)
    assert late.since(early) == 100.0
    assert early.since(late) == -100.0
    assert early.after(30.0).since(early) == 30.0
    assert early.datetime() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)


def test_states() -> None:
    rental = new_rental()
    claimed = rental.changed(claim=Claim(someone(), rental.created, 60.0))
    closed = claimed.changed(closed=rental.created, outcome="stopped")
    assert [one.state for one in (rental, rental.changed(uuid="u-1"), claimed, closed)] == [
        "creating", "active", "stopping", "closed",
    ]  # fmt: skip
