"""A ledger in memory whose clock is set by the test, and which can be made to fail."""

from __future__ import annotations

from collections.abc import Callable

from octaspace import RentalLedgerError
from octaspace.rentals import LedgerTime, Rental, RentalLedger

__all__ = ["MemoryBackend", "memory_ledger"]


class MemoryBackend:
    """Stores JSON, as the real ones do.

    Attributes:
        seconds: The time on its clock.
        broken: While True, every method raises.
        on_write: Called before each write with the entry to be stored.
    """

    location = "memory"

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.seconds = 1_000.0
        self.wall = 1_795_000_000.0
        self.epoch = "boot-1"
        self.broken = False
        self.on_write: Callable[[Rental], None] = lambda rental: None

    def exists(self) -> bool:
        return bool(self.documents)

    def check_writable(self) -> None:
        self._check()

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += seconds

    def now(self) -> LedgerTime:
        self._check()
        return LedgerTime(self.epoch, self.seconds, self.wall)

    def add(self, rental: Rental) -> None:
        self._check()
        self.on_write(rental)
        self.documents[rental.id] = rental.to_json()

    def get(self, id: str) -> Rental | None:
        self._check()
        document = self.documents.get(id)
        return None if document is None else Rental.from_json(document)

    def replace(self, old: Rental, new: Rental) -> bool:
        self._check()
        self.on_write(new)
        stored = self.get(old.id)
        if stored is None or stored.revision not in (old.revision, new.revision):
            return False
        self.documents[new.id] = new.to_json()
        return True

    def open_rentals(self) -> list[Rental]:
        return [rental for rental in self._all() if rental.closed is None]

    def closed_rentals(self) -> list[Rental]:
        return [rental for rental in self._all() if rental.closed is not None]

    def remove(self, rental: Rental) -> None:
        self._check()
        stored = self.get(rental.id)
        if stored is not None and stored.revision == rental.revision:
            del self.documents[rental.id]

    def _all(self) -> list[Rental]:
        self._check()
        rentals = map(Rental.from_json, self.documents.values())
        return sorted(rentals, key=lambda rental: (rental.created.wall, rental.id))

    def _check(self) -> None:
        if self.broken:
            raise RentalLedgerError("the rental ledger in memory is broken")


def memory_ledger(*, lease: float = 90.0, reconcile_timeout: float = 120.0) -> RentalLedger:
    """A ledger whose `backend` is a `MemoryBackend`."""
    return RentalLedger(MemoryBackend(), lease=lease, reconcile_timeout=reconcile_timeout)
