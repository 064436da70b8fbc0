"""What a reaper remembers of a ledger that loses its entries."""

from __future__ import annotations

import pytest

import octaspace
from octaspace.rentals import Rental, RentalLedger
from octaspace.rentals.remembered_entries import RememberedEntries

from ...support.memory_ledger import MemoryBackend


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def entries(backend: MemoryBackend, lines: list[str]) -> RememberedEntries:
    return RememberedEntries(backend, lines.append)


def entry(backend: MemoryBackend, *, leased: bool) -> Rental:
    ledger = RentalLedger(backend, lease=90)
    rental = ledger.draft(account="a", service="mr", node_id=1, max_duration=60, leased=leased)
    backend.add(rental)
    return rental


def test_a_lost_entry_is_written_again_as_it_was(
    backend: MemoryBackend, entries: RememberedEntries, lines: list[str]
) -> None:
    rental = entry(backend, leased=False)
    assert entries.open_rentals() == [rental]
    backend.documents.clear()
    backend.advance(30)
    assert entries.open_rentals() == [rental]
    assert backend.get(rental.id) == rental
    assert len(lines) == 1


def test_a_lost_entry_with_a_lease_gets_a_whole_one(
    backend: MemoryBackend, entries: RememberedEntries
) -> None:
    entry(backend, leased=True)
    entries.open_rentals()
    backend.documents.clear()
    backend.advance(3600)
    (again,) = entries.open_rentals()
    assert again.renewed == backend.now()  # its owner may live, and write it again as well
    assert not again.lease_over(backend.now(), "another host")


def test_an_entry_that_was_closed_is_not_lost(
    backend: MemoryBackend, entries: RememberedEntries, lines: list[str]
) -> None:
    rental = entry(backend, leased=False)
    entries.open_rentals()
    RentalLedger(backend).close(rental.id, "stopped")
    assert entries.open_rentals() == []
    entries.end()
    assert lines == []


def test_without_a_place_to_write_it_is_kept_in_memory_until_it_is_closed(
    backend: MemoryBackend, entries: RememberedEntries, lines: list[str]
) -> None:
    rental = entry(backend, leased=False)
    entries.open_rentals()
    backend.documents.clear()

    def refuse(_: Rental) -> None:
        raise octaspace.RentalLedgerError("no directory")

    backend.on_write = refuse
    for _ in range(3):
        assert entries.open_rentals() == [rental]
    assert len(lines) == 1
    entries.end()
    assert f"stop their sessions by hand: of rental {rental.id}" in lines[1]
    assert entries.exists()
    ledger = RentalLedger(entries)
    assert ledger.change(rental.id, lambda one: one.changed(name="x")) is not None
    assert entries.open_rentals()[0].name == "x"
    ledger.close(rental.id, "deadline passed")
    assert entries.open_rentals() == []
