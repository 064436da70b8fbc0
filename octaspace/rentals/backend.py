"""What a ledger needs of its storage: add an entry durably, read, and replace what is unchanged."""

from __future__ import annotations

from typing import Protocol

from .ledger_time import LedgerTime
from .rental import Rental

__all__ = ["LedgerBackend"]


class LedgerBackend(Protocol):
    """Stores the entries of a ledger. Safe with threads, with several processes, and after a fork.

    Every method raises `octaspace.RentalLedgerError` when the storage cannot be used.
    """

    @property
    def location(self) -> str:
        """Where it is, for messages: without a password."""
        ...

    def exists(self) -> bool:
        """Whether anything was stored yet. Creates nothing."""
        ...

    def check_writable(self) -> None:
        """Check that an entry could be stored. Stores nothing, and does not wait for the disk."""
        ...

    def now(self) -> LedgerTime:
        """The time on the clock that all users of the ledger share."""
        ...

    def add(self, rental: Rental) -> None:
        """Store a new entry; when it returns, the entry survives the end of this process.

        An entry with the same id is replaced: it is the same entry, written again.
        """
        ...

    def get(self, id: str) -> Rental | None:
        """The entry with this id, or None."""
        ...

    def replace(self, old: Rental, new: Rental) -> bool:
        """Store another version of an entry, durably and atomically.

        Args:
            old: The version that was read.
            new: The version to store.

        Returns:
            False, and nothing is stored, when the stored version is neither `old` nor already `new`.
        """
        ...

    def open_rentals(self) -> list[Rental]:
        """The entries that are not closed, oldest first."""
        ...

    def closed_rentals(self) -> list[Rental]:
        """The closed entries that are kept, oldest first."""
        ...

    def remove(self, rental: Rental) -> None:
        """Remove an entry that was closed a week ago, unless it was changed.

        A reaper that has read it as open takes one that is missing earlier for lost, and writes it again.
        """
        ...
