"""Find the session of an entry whose answer is unknown, in the answer of ``GET /sessions``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from ..errors import Error, UnexpectedShapeError
from ..types import Session
from .ledger import RentalLedger
from .ledger_time import LedgerTime
from .rental import RENTAL_ID_VARIABLE, Rental

__all__ = [
    "UndecidedError",
    "listed_sessions",
    "match_by_id",
    "match_by_node",
    "started_before",
    "uuid_of",
]

#: How far the clocks of the API and of the ledger may differ, in seconds.
_CLOCK_DIFFERENCE: Final = 60.0


class UndecidedError(Error):
    """The session of an entry may be there, but it is not clear which one it is."""


def listed_sessions(data: Any) -> list[Session]:
    """The running sessions of ``client.sessions.list()``. An item that cannot be read is omitted.

    Args:
        data: The data of the answer.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    if not isinstance(data, list):
        raise UnexpectedShapeError("GET /sessions: the answer is not a list", type_name="Session")
    sessions = []
    for item in data:
        try:
            session = Session.from_api(item)
        except UnexpectedShapeError:
            continue
        if not session.ended:
            sessions.append(session)
    return sessions


def match_by_id(sessions: Iterable[Session]) -> dict[str, str]:
    """The uuid of each session that carries the id of an entry, by that id."""
    return {
        session.user_envs[RENTAL_ID_VARIABLE]: session.uuid
        for session in sessions
        if RENTAL_ID_VARIABLE in session.user_envs
    }


def started_before(session: Session, time: LedgerTime | None) -> bool:
    """Whether a session started before a time of a ledger, or it is unknown when it started."""
    if session.started_at is None or time is None:
        return True
    return session.started_at.timestamp() <= time.wall + _CLOCK_DIFFERENCE


def uuid_of(rental: Rental, data: Any, ledger: RentalLedger) -> str | None:
    """The session of an entry whose answer is unknown, as its living owner looks for it.

    Args:
        rental: The entry.
        data: The data of ``client.sessions.list()``.
        ledger: Its other entries are considered.

    Returns:
        The uuid; None if the session is not there.

    Raises:
        UndecidedError: Several sessions could be it, or several entries could be that of a session.
        octaspace.UnexpectedShapeError: The data is not a list.
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    sessions = listed_sessions(data)
    if rental.service == "mr":
        return match_by_id(sessions).get(rental.id)
    everything = [*ledger.backend.open_rentals(), *ledger.backend.closed_rentals()]
    entries = [one for one in everything if one.account == rental.account]
    found = match_by_node(
        [one for one in entries if one.uuid is None and one.closed is None],
        sessions,
        taken={one.uuid for one in entries if one.uuid},
        abandoned=(),
        patience=ledger.reconcile_timeout,
    )
    if rental.id in found and found[rental.id] is None:
        raise UndecidedError(
            f"several {rental.service} sessions of node {rental.node_id}, or several entries of the rental "
            "ledger, are possible"
        )
    return found.get(rental.id)


def match_by_node(
    rentals: Iterable[Rental],
    sessions: Iterable[Session],
    *,
    taken: Collection[str],
    abandoned: Collection[str],
    patience: float,
) -> dict[str, str | None]:
    """Match entries of sessions that carry no id: VPN and render, by node and start time.

    A session belongs to an entry if it fits no other entry, and no other session fits that entry. Where all
    entries of a node are abandoned, it does not matter which session is whose: they get those that fit,
    unless there are more sessions than entries.

    Args:
        rentals: Every open entry without a session, those of living owners included.
        sessions: The running sessions.
        taken: Uuids that belong to other entries.
        abandoned: Ids of the entries that are to be ended.
        patience: Seconds after the last sign of life of its owner in which a session may have started.

    Returns:
        By id of the entry: the uuid; None where it is not clear which session is the entry's. Entries that
        fit no session are missing.
    """
    groups: dict[tuple[str, int], list[Rental]] = {}
    for rental in rentals:
        if rental.service != "mr":
            groups.setdefault((rental.service, rental.node_id), []).append(rental)
    found: dict[str, str | None] = {}
    for (service, node_id), group in groups.items():
        here = [
            session
            for session in sessions
            if session.service == service and session.node_id == node_id and session.uuid not in taken
        ]
        fits = {
            rental.id: [session.uuid for session in here if _fits(rental, session, patience)]
            for rental in group
        }
        candidates = sorted({uuid for uuids in fits.values() for uuid in uuids})
        if len(candidates) <= len(group) and all(rental.id in abandoned for rental in group):
            found.update(_any_of(fits))
            continue
        for id, uuids in fits.items():
            alone = len(uuids) == 1 and sum(uuids[0] in others for others in fits.values()) == 1
            if uuids:
                found[id] = uuids[0] if alone else None
    return found


def _any_of(fits: dict[str, list[str]]) -> dict[str, str | None]:
    """Give each entry one of the sessions that fit it, those with the fewest first."""
    found: dict[str, str | None] = {}
    for id, uuids in sorted(fits.items(), key=lambda item: len(item[1])):
        left = [uuid for uuid in uuids if uuid not in found.values()]
        if left:
            found[id] = left[0]
    return found


def _fits(rental: Rental, session: Session, patience: float) -> bool:
    if session.started_at is None:
        return False
    start = session.started_at.timestamp()
    earliest = rental.created.wall - _CLOCK_DIFFERENCE
    return earliest <= start <= rental.renewed.wall + patience + _CLOCK_DIFFERENCE
