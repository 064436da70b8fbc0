"""A rental ledger that tells the id of each entry before its request is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from octaspace.rentals import RentalLedger
from octaspace.rentals.rental import Rental

__all__ = ["AnnouncingLedger"]


class AnnouncingLedger(RentalLedger):
    """Another ledger, whose entries are announced.

    Args:
        ledger: The ledger.
        announce: Called with the id of an entry that is about to be written; nothing was sent yet.
    """

    def __init__(self, ledger: RentalLedger, announce: Callable[[str], object]) -> None:
        self.__dict__.update(ledger.owned_by(ledger.label or "").__dict__)
        self.label = ledger.label
        self._announce = announce

    def draft(self, **values: Any) -> Rental:
        """The entry of a rental that is about to be requested; see `RentalLedger.draft`."""
        rental = super().draft(**values)
        self._announce(rental.id)
        return rental
