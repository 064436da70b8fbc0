"""The storage of a ledger, passed through: a base for views of it that change a part."""

from __future__ import annotations

from .backend import LedgerBackend
from .ledger_time import LedgerTime
from .rental import Rental

__all__ = ["WrappedBackend"]


class WrappedBackend:
    """Another backend; see `LedgerBackend` for the methods.

    Args:
        backend: The backend that is called.
    """

    def __init__(self, backend: LedgerBackend) -> None:
        self._backend = backend
        self.location = backend.location

    def exists(self) -> bool:
        return self._backend.exists()

    def check_writable(self) -> None:
        self._backend.check_writable()

    def now(self) -> LedgerTime:
        return self._backend.now()

    def add(self, rental: Rental) -> None:
        self._backend.add(rental)

    def get(self, id: str) -> Rental | None:
        return self._backend.get(id)

    def replace(self, old: Rental, new: Rental) -> bool:
        return self._backend.replace(old, new)

    def open_rentals(self) -> list[Rental]:
        return self._backend.open_rentals()

    def closed_rentals(self) -> list[Rental]:
        return self._backend.closed_rentals()

    def remove(self, rental: Rental) -> None:
        self._backend.remove(rental)
