"""Whether a rental was made whose process ended before it had the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .._client import Client
from .account import account_fingerprint
from .client_ledger import ledger_for
from .ledger import RentalLedger
from .ledger_time import LedgerTime
from .matching import (
    ApiClock,
    UnclearSessionError,
    listed_sessions,
    match_by_id,
    match_by_node,
    readable_sessions,
    uuid_of,
)
from .rental import Rental

__all__ = ["Resolution", "resolve"]


@dataclass(frozen=True)
class Resolution:
    """What is known of a rental.

    Attributes:
        state: ``"rented"``, ``"not rented"``, or ``"unknown"``.
        reason: How this is known, or why it is not, as part of a sentence.
        uuid: The session; None unless it was rented.
        ended: Whether the ledger says that the session has ended.
        wait: Seconds after which it will be known; None unless waiting helps.
    """

    state: Literal["rented", "not rented", "unknown"]
    reason: str
    uuid: str | None = None
    ended: bool = False
    wait: float | None = None


def resolve(client: Client, rental_id: str, ledger: RentalLedger | None = None) -> Resolution:
    """Find out whether a rental was made whose owner no longer looks for its session.

    The ledger knows it in most cases: an entry is written before the request is sent. Otherwise
    GET /sessions is sent, also without an entry: a ledger that was restored or killed may have lost it, and
    a machine carries its id. A VPN or render rental carries none, so the loss of its entry is not noticed.
    A session that is found is recorded in its entry. If none has appeared for
    `RentalLedger.reconcile_timeout` seconds, the entry is closed, unless GET /sessions?recent=true has one of
    that node and time: a session may be charged and end before it is looked for.

    Args:
        client: A client with the key of the account.
        rental_id: The id of the entry.
        ledger: The ledger; that of the client's configuration by default.

    Returns:
        What is known.

    Raises:
        octaspace.Error: The sessions cannot be listed.
        octaspace.RentalLedgerError: The ledger cannot be used.
        octaspace.ConfigurationError: There is no ledger.
    """
    ledger = ledger_for(client, ledger)
    rental = ledger.backend.get(rental_id) if ledger.backend.exists() else None
    if rental is None:
        return _without_entry(client, rental_id)
    if rental.uuid is not None:
        return Resolution(
            "rented", "the rental ledger has its session", rental.uuid, ended=rental.closed is not None
        )
    if rental.outcome == "refused":
        return Resolution("not rented", "the API refused it")
    if rental.outcome == "not made":
        return _among_ended(client, rental, ledger, "no session has appeared")
    if rental.closed is not None:
        return Resolution("unknown", f"its entry is closed without a session: {rental.outcome}")
    if rental.account != account_fingerprint(client.config.api_key):
        return Resolution("unknown", "it was requested with another API key")
    now = ledger.now()
    if rental.lease is not None and rental.owner_lives() is not False and not _lease_is_over(rental, now):
        return Resolution("unknown", "its owner is looking for its session", wait=rental.lease)
    return _search(client, rental, ledger)


def _without_entry(client: Client, rental_id: str) -> Resolution:
    uuid = match_by_id(listed_sessions(client.sessions.list().data)).get(rental_id)
    if uuid is not None:
        return Resolution("rented", "the list of sessions has it; the rental ledger has lost its entry", uuid)
    return Resolution("not rented", "the rental ledger has no entry of it, and no running session has its id")


def _lease_is_over(rental: Rental, now: LedgerTime) -> bool:
    return rental.released or (rental.lease is not None and now.since(rental.renewed) >= rental.lease)


def _search(client: Client, rental: Rental, ledger: RentalLedger) -> Resolution:
    response = client.sessions.list()
    try:
        uuid = uuid_of(rental, response, ledger)
    except UnclearSessionError as error:
        return Resolution("unknown", str(error))
    if uuid is not None:
        ledger.change(rental.id, lambda one: one.changed(uuid=uuid) if one.uuid is None else one)
        return Resolution("rented", "the list of sessions has it", uuid)
    left = ledger.reconcile_timeout - ledger.now().since(rental.renewed)
    if left > 0:
        return Resolution("unknown", "no session of it has appeared yet", wait=left)
    found = _among_ended(
        client, rental, ledger, f"no session has appeared within {ledger.reconcile_timeout:g} s"
    )
    if found.state != "unknown":
        ledger.close(rental.id, "session gone" if found.uuid else "not made", uuid=found.uuid)
    return found


def _among_ended(client: Client, rental: Rental, ledger: RentalLedger, reason: str) -> Resolution:
    """Not rented for this reason, unless a session that has ended could be it: these carry no id."""
    response = client.sessions.list(recent=True)
    sessions = readable_sessions(response.data)
    everything = [*ledger.backend.open_rentals(), *ledger.backend.closed_rentals()]
    found = match_by_node(
        [rental],
        sessions,
        taken={one.uuid for one in everything if one.uuid},
        abandoned=(),
        patience=ledger.reconcile_timeout,
        clock=ApiClock.of(response, ledger.now()),
        unlabelled={session.uuid for session in sessions},
    )
    uuid = found.get(rental.id)
    if uuid is not None:
        return Resolution("rented", "the list of ended sessions has it", uuid, ended=True)
    if rental.id in found:
        return Resolution("unknown", f"a session of node {rental.node_id} that has ended since could be it")
    return Resolution("not rented", reason)
