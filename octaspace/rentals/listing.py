"""List the entries of a ledger, with the state and the charges of their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .. import errors
from .._client import Client
from ..money import wei_to_octa
from ..types import Session
from .account import account_fingerprint
from .ledger import RentalLedger
from .ledger_time import LedgerTime
from .matching import listed_sessions, match_by_id
from .rental import Rental

__all__ = ["ListedRental", "RentalListing", "duration_text", "list_rentals"]

COLUMNS: Final = (
    "name", "service", "node", "state", "session state", "owner", "since", "deadline", "cost", "session",
)  # fmt: skip

_UNKNOWN: Final = "—"


@dataclass(frozen=True, slots=True)
class ListedRental:
    """An entry and its session.

    Attributes:
        rental: The entry.
        is_own: Whether it belongs to the account of the client's key; None without a key.
        session_state: ``"ready"``, ``"starting"`` or ``"not listed"``; None where the API was not asked, or
            the entry belongs to another account.
        uuid: The session, also where only the API's list has it yet.
        charge_amount: Charges so far in Wei, or None.
        now: The time of the listing, on the ledger's clock.
    """

    rental: Rental
    is_own: bool | None
    session_state: str | None
    uuid: str | None
    charge_amount: int | None
    now: LedgerTime

    @property
    def cost(self) -> str | None:
        """Charges so far in OCTA, or None."""
        return None if self.charge_amount is None else format(wei_to_octa(self.charge_amount), "f")

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the deadline, negative after it; None without one."""
        deadline = self.rental.deadline
        return None if deadline is None else -self.now.since(deadline)

    @property
    def owner_ended(self) -> bool:
        """Whether the owner's process has ended, as seen from this machine; the lease may last longer."""
        is_open = self.rental.closed is None and self.rental.lease is not None
        return is_open and (self.rental.released or self.rental.owner_lives() is False)

    def cells(self) -> list[str]:
        """The cells of a table; see `COLUMNS`."""
        rental = self.rental
        state = rental.state if rental.outcome is None else f"{rental.state}: {rental.outcome}"
        return [
            str(rental.name or _UNKNOWN) + (" (other account)" if self.is_own is False else ""),
            str(rental.service),
            str(rental.node_id),
            state,
            self.session_state or _UNKNOWN,
            f"{rental.owner} (ended)" if self.owner_ended else str(rental.owner),
            _moment(rental.created, "%Y-%m-%d %H:%MZ") or _UNKNOWN,
            _UNKNOWN if rental.closed is not None else _left(self.seconds_left),
            _UNKNOWN if self.charge_amount is None else f"{wei_to_octa(self.charge_amount):.6f} OCTA",
            str(self.uuid or _UNKNOWN),
        ]

    def as_json(self) -> dict[str, Any]:
        """The values for JSON: times in UTC as ISO 8601, amounts as text."""
        rental = self.rental
        return {
            "id": rental.id,
            "name": rental.name,
            "service": rental.service,
            "node_id": rental.node_id,
            "state": rental.state,
            "outcome": rental.outcome,
            "own_account": self.is_own,
            "owner": str(rental.owner),
            "owner_ended": self.owner_ended,
            "since": _moment(rental.created),
            "renewed": _moment(rental.renewed),
            "lease": rental.lease,
            "deadline": _moment(rental.deadline),
            "deadline_in": None if self.seconds_left is None else round(self.seconds_left, 3),
            "session": self.uuid,
            "session_state": self.session_state,
            "cost_octa": self.cost,
        }


@dataclass(frozen=True, slots=True)
class RentalListing:
    """What `list_rentals` found.

    Attributes:
        rentals: The entries, oldest first.
        problem: Why the sessions could not be listed, or empty.
    """

    rentals: Sequence[ListedRental]
    problem: str = ""


def list_rentals(client: Client, ledger: RentalLedger, *, with_closed: bool = False) -> RentalListing:
    """List a ledger. With a key it sends one GET /sessions, if the account has open entries.

    Args:
        client: A client with the key of the account, or without a key.
        ledger: The ledger.
        with_closed: List closed entries as well.

    Raises:
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    if not ledger.backend.exists():
        return RentalListing([])
    now = ledger.now()
    rentals = ledger.backend.open_rentals()
    if with_closed:
        rentals = sorted([*ledger.backend.closed_rentals(), *rentals], key=lambda one: one.created.wall)
    key = client.config.api_key
    account = account_fingerprint(key)
    sessions: dict[str, Session] | None = None
    by_id: dict[str, str] = {}
    problem = ""
    if key is not None and any(one.account == account and one.closed is None for one in rentals):
        try:
            listed = listed_sessions(client.sessions.list().data)
            sessions, by_id = {session.uuid: session for session in listed}, match_by_id(listed)
        except errors.Error as error:
            problem = f"the sessions could not be listed: {type(error).__name__}: {error}"
    found = []
    for rental in rentals:
        is_own = None if key is None else rental.account == account
        uuid = rental.uuid or (by_id.get(rental.id) if is_own else None)
        asked = bool(is_own) and sessions is not None and rental.closed is None
        session = sessions.get(uuid or "") if asked and sessions is not None else None
        state = None if not asked else "not listed" if session is None else _session_state(session)
        charges = None if session is None else session.charge_amount
        found.append(ListedRental(rental, is_own, state, uuid, charges, now))
    return RentalListing(found, problem)


def _session_state(session: Session) -> str:
    return "ready" if session.ready else "starting"


def duration_text(seconds: float) -> str:
    """A duration in its two largest units, e.g. ``"1 h 59 min"``."""
    whole = int(seconds)
    for unit, size, lesser, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {lesser}" if rest else "")
    return f"{whole} s"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return _UNKNOWN
    return f"in {duration_text(seconds)}" if seconds > 0 else f"{duration_text(-seconds)} ago"


def _moment(time: LedgerTime | None, style: str = "%Y-%m-%dT%H:%M:%SZ") -> str | None:
    try:
        return None if time is None else time.datetime().strftime(style)
    except (ValueError, OverflowError, OSError):  # a year that the calendar does not have
        return None
