"""The entries of the rental ledger as pages show them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from octaspace.rentals import LedgerTime, Rental, RentalLedger

from .sessions import SessionList, ShownSession, service_name, short_id

__all__ = ["LedgerListing", "ShownRental", "open_rental_of", "read_ledger"]

#: Seconds by which two clocks that were not set may differ.
_CLOCK_DIFFERENCE: Final = 2.0

#: Closed entries that are shown at most, the latest first.
_MAX_CLOSED: Final = 100


@dataclass(frozen=True)
class ShownRental:
    """An entry with the values that pages show.

    Attributes:
        rental: The entry.
        now: The time on the ledger's clock.
        own: Whether this browser has made it, and may change it.
        session: Its session in the API's list, or None.
        listed: Whether the API's list is known.
    """

    rental: Rental
    now: LedgerTime
    own: bool
    session: ShownSession | None = None
    listed: bool = False

    @property
    def id(self) -> str:
        return self.rental.id

    @property
    def name(self) -> str:
        return self.rental.name or short_id(self.rental.id)

    @property
    def service(self) -> str:
        return service_name(self.rental.service)

    @property
    def owner(self) -> str:
        return "this browser" if self.own else str(self.rental.owner)

    @property
    def left(self) -> float | None:
        """Seconds until its deadline; below 0 when it has passed, None without one."""
        deadline = self.rental.deadline
        return None if deadline is None else deadline.since(self.now)

    @property
    def deadline(self) -> float | None:
        """Its deadline, seconds since 1970 on this machine's clock."""
        if self.left is None or self.rental.deadline is None:
            return None
        told, counted = self.rental.deadline.wall, time.time() + self.left
        # The same figure each time, unless the clock of a machine was set.
        return told if abs(told - counted) < _CLOCK_DIFFERENCE else counted

    @property
    def closed(self) -> float | None:
        """When it was closed, seconds since 1970."""
        return None if self.rental.closed is None else self.rental.closed.wall

    @property
    def renewed(self) -> float:
        """Seconds since the last sign of life of its owner."""
        return max(0.0, self.now.since(self.rental.renewed))

    @property
    def state(self) -> tuple[str, str]:
        """The state in words, and the style of its badge."""
        state = self.rental.state
        if state == "stopping":
            return "stopping", "warn"
        if self.left is not None and self.left <= 0:
            return "overdue", "bad"
        if state == "creating":
            return "creating", "warn"
        if self.listed and self.session is None:
            return "session not listed", "warn"
        return state, "good"

    @property
    def changeable(self) -> bool:
        """Whether this browser may change its deadline."""
        return self.own and self.rental.state in ("creating", "active")

    @property
    def stoppable(self) -> bool:
        """Whether this browser may stop it: its session is known."""
        return self.own and self.rental.state == "active"


@dataclass(frozen=True)
class LedgerListing:
    """What a browser sees of the ledger.

    Attributes:
        open: The open entries of its account, oldest first.
        closed: The latest closed entries of its account, the latest first.
        elsewhere: Number of open entries of other accounts and APIs.
    """

    open: tuple[ShownRental, ...]
    closed: tuple[ShownRental, ...]
    elsewhere: int


def read_ledger(
    ledger: RentalLedger,
    sessions: SessionList | None,
    *,
    shares_account: Callable[[Rental], bool],
    owns: Callable[[Rental], bool],
) -> LedgerListing:
    """Read the entries that a browser may see.

    Args:
        ledger: The ledger.
        sessions: The running sessions of the account; None if they are not known.
        shares_account: Whether an entry belongs to the account of the browser.
        owns: Whether the browser has made it.

    Raises:
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    now = ledger.now()
    rentals = ledger.backend.open_rentals()
    visible = [rental for rental in rentals if shares_account(rental)]
    closed = [rental for rental in ledger.backend.closed_rentals() if shares_account(rental)]
    closed.sort(key=lambda rental: 0.0 if rental.closed is None else rental.closed.wall, reverse=True)

    def shown(rental: Rental) -> ShownRental:
        known = sessions is not None
        session = sessions.find(rental.uuid) if sessions is not None and rental.uuid else None
        return ShownRental(rental, now, owns(rental), session, listed=known)

    return LedgerListing(
        open=tuple(map(shown, visible)),
        closed=tuple(map(shown, closed[:_MAX_CLOSED])),
        elsewhere=len(rentals) - len(visible),
    )


def open_rental_of(
    uuid: str,
    ledger: RentalLedger,
    *,
    shares_account: Callable[[Rental], bool],
    owns: Callable[[Rental], bool],
) -> ShownRental | None:
    """The open entry of a session; None without one that a browser may see.

    Args:
        uuid: The session.
        ledger: The ledger.
        shares_account: Whether an entry belongs to the account of the browser.
        owns: Whether the browser has made it.

    Raises:
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    rentals = ledger.backend.open_rentals() if ledger.backend.exists() else []
    found = next((one for one in rentals if one.uuid == uuid and shares_account(one)), None)
    return None if found is None else ShownRental(found, ledger.now(), owns(found))
