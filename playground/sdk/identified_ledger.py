"""A rental ledger whose next entry has an id that is known before the request is made.

The id is part of the request: a machine carries it as an environment variable. With a known id, a page can
show the request exactly as it will be sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octaspace import Request
from octaspace.rentals import RentalLedger
from octaspace.rentals.rental import RENTAL_ID_VARIABLE, Rental

__all__ = ["IdentifiedLedger", "with_rental_id"]


class IdentifiedLedger(RentalLedger):
    """Another ledger, for a single rental.

    Args:
        ledger: The ledger.
        id: The id of the entry: 32 hexadecimal digits that no other entry has.
    """

    def __init__(self, ledger: RentalLedger, id: str) -> None:
        self.__dict__.update(ledger.owned_by(ledger.label or "").__dict__)
        self.label = ledger.label
        self._id = id

    def draft(self, **values: Any) -> Rental:
        """The entry of a rental that is about to be requested; see `RentalLedger.draft`."""
        return replace(super().draft(**values), id=self._id)


def with_rental_id(request: Request, id: str) -> Request:
    """A request as a client with a ledger sends it: a machine carries the id of its entry.

    Args:
        request: The creation, without the id.
        id: The id.
    """
    if not isinstance(request.body, list):
        return request
    (item,) = request.body
    return replace(request, body=[{**item, "envs": {**item["envs"], RENTAL_ID_VARIABLE: id}}])
