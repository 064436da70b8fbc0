"""A rental ledger that stores nothing, for calls whose request is captured instead of sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octaspace import Request
from octaspace.rentals.ledger import RentalLedger
from octaspace.rentals.ledger_time import LedgerTime
from octaspace.rentals.rental import RENTAL_ID_VARIABLE, Rental

__all__ = ["PreviewLedger", "without_rental_id"]


class PreviewLedger(RentalLedger):
    """Accepts every entry and forgets it."""

    def __init__(self) -> None:
        super().__init__(_NoStorage())

    def draft(self, **values: Any) -> Rental:
        """An entry that is not stored, and has no lease that would be renewed."""
        return super().draft(**{**values, "leased": False})


class _NoStorage:
    """See `octaspace.rentals.LedgerBackend`."""

    location = "nothing"

    def exists(self) -> bool:
        return False

    def check_writable(self) -> None:
        pass

    def now(self) -> LedgerTime:
        return LedgerTime("preview", 0.0, 0.0)

    def add(self, rental: Rental) -> None:
        pass

    def get(self, id: str) -> Rental | None:
        return None

    def replace(self, old: Rental, new: Rental) -> bool:
        return False

    def open_rentals(self) -> list[Rental]:
        return []

    def closed_rentals(self) -> list[Rental]:
        return []

    def remove(self, rental: Rental) -> None:
        pass


def without_rental_id(request: Request) -> Request:
    """A request without the id of an entry, which is another one in each request."""
    if not isinstance(request.body, list):
        return request
    body = [
        {**item, "envs": {name: text for name, text in item["envs"].items() if name != RENTAL_ID_VARIABLE}}
        if isinstance(item, dict) and isinstance(item.get("envs"), dict)
        else item
        for item in request.body
    ]
    return replace(request, body=body)
