"""The entries of a ledger, and those that it has lost while the reaper runs.

A ledger that was emptied, removed or replaced has no entry of the machines that run: their deadlines would
not be enforced, without any message.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import RentalLedgerError, one_line
from .backend import LedgerBackend
from .rental import Rental
from .wrapped_backend import WrappedBackend

__all__ = ["RememberedEntries"]


class RememberedEntries(WrappedBackend):
    """A ledger's entries, for a reaper that makes many rounds; see `LedgerBackend`.

    An open entry that was read once and is missing now was lost: closed entries stay for a week. It is
    written again. If this fails, it is kept in memory.

    Args:
        backend: The ledger.
        report: Called with a line about lost entries.
    """

    def __init__(self, backend: LedgerBackend, report: Callable[[str], object]) -> None:
        super().__init__(backend)
        self._report = report
        #: The open entries as they were last read.
        self._known: dict[str, Rental] = {}
        #: Those that are missing in the ledger, and could not be written again.
        self._lost: dict[str, Rental] = {}

    def exists(self) -> bool:
        return self._backend.exists() or bool(self._known)

    def get(self, id: str) -> Rental | None:
        return self._lost.get(id) or self._backend.get(id)

    def replace(self, old: Rental, new: Rental) -> bool:
        lost = self._lost.get(old.id)
        if lost is None:
            return self._backend.replace(old, new)
        if lost.revision != old.revision:
            return False
        self._known[new.id] = self._lost[new.id] = new
        if new.closed is not None:
            del self._known[new.id], self._lost[new.id]
        return True

    def open_rentals(self) -> list[Rental]:
        stored = {rental.id: rental for rental in self._backend.open_rentals()}
        missing = [
            self._as_written_again(rental)
            for id, rental in self._known.items()
            if id not in stored and self._backend.get(id) is None
        ]
        if missing:
            self._write_again(missing)
        self._known = {**stored, **{rental.id: rental for rental in missing}}
        self._lost = {id: rental for id, rental in self._lost.items() if id not in stored}
        return sorted(self._known.values(), key=lambda rental: (rental.created.wall, rental.id))

    def end(self) -> None:
        """Report the rentals that only this reaper knows, because it ends."""
        if self._lost:
            sessions = ", ".join(
                one_line(rental.uuid or f"of rental {rental.id}") for rental in self._lost.values()
            )
            self._report(
                f"the rental ledger {self.location} lacks {len(self._lost)} open rentals, and this reaper "
                f"ends: stop their sessions by hand: {sessions}"
            )

    def _as_written_again(self, rental: Rental) -> Rental:
        """The entry with a whole lease: its owner may live, and renew it."""
        is_kept = rental.lease is None or rental.id in self._lost
        return rental if is_kept else rental.changed(renewed=self._backend.now())

    def _write_again(self, missing: list[Rental]) -> None:
        """Write entries that the ledger has lost, and report them once."""
        is_news = any(rental.id not in self._lost for rental in missing)
        lost = f"the rental ledger {self.location} has lost {len(missing)} open rentals"
        try:
            for rental in missing:
                self._backend.add(rental)
        except RentalLedgerError as error:
            self._lost = {rental.id: rental for rental in missing}
            if is_news:
                self._report(
                    f"{lost}, which cannot be written again: {error}. Their deadlines are enforced as long "
                    "as this reaper runs"
                )
        else:
            self._lost = {}
            self._report(f"{lost}, and they were written again: it was emptied, removed or replaced")
