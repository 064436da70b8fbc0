"""The account's money: exact Wei, and no more spent than there was."""

from __future__ import annotations

from collections.abc import Iterable

from .rental import Rental


class Ledger:
    """The opening balance, less what ended sessions cost, less what running ones have cost so far."""

    def __init__(self, opening: int, rentals: Iterable[Rental], now: float) -> None:
        self._settled = opening
        # What seeded sessions cost before the world began is in the opening balance already.
        self._before = {rental.uuid: rental.charge(now) for rental in rentals if rental.ended is None}

    def balance(self, active: Iterable[Rental], now: float) -> int:
        """Wei left at `now`, never below 0."""
        return max(0, self._settled - sum(self._cost(rental, now) for rental in active))

    def book(self, rental: Rental, now: float) -> None:
        """Take what a session that has ended cost."""
        self._settled -= self._cost(rental, now)
        self._before.pop(rental.uuid, None)

    def _cost(self, rental: Rental, now: float) -> int:
        return rental.charge(now) - self._before.get(rental.uuid, 0)
