"""The account's balance in exact Wei; it never goes below 0."""

from __future__ import annotations

from collections.abc import Iterable

from .rental import Rental


class Ledger:
    """The opening balance minus the cost of ended sessions and the cost so far of active ones."""

    def __init__(self, opening: int, rentals: Iterable[Rental], now: float) -> None:
        self._settled = opening
        # The opening balance already excludes the cost of seeded sessions before the start.
        self._before = {rental.uuid: rental.charge(now) for rental in rentals if rental.ended is None}

    def balance(self, active: Iterable[Rental], now: float) -> int:
        """Wei left at `now`, never below 0."""
        return max(0, self._settled - sum(self._cost(rental, now) for rental in active))

    def book(self, rental: Rental, now: float) -> None:
        """Subtract the cost of a session that has ended."""
        self._settled -= self._cost(rental, now)
        self._before.pop(rental.uuid, None)

    def _cost(self, rental: Rental, now: float) -> int:
        return rental.charge(now) - self._before.get(rental.uuid, 0)
