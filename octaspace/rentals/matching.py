"""Find the session of an entry whose answer is unknown, in the answer of ``GET /sessions``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ..errors import Error, UnexpectedShapeError
from ..response import Response
from ..types import Session
from .ledger import RentalLedger
from .ledger_time import LedgerTime
from .rental import RENTAL_ID_VARIABLE, Rental

__all__ = [
    "ApiClock",
    "UnclearSessionError",
    "has_end",
    "listed_sessions",
    "match_by_id",
    "match_by_node",
    "readable_sessions",
    "unlabelled",
    "uuid_of",
]

#: How far the clocks of the API and of the ledger may differ, in seconds, besides what `ApiClock` knows.
_CLOCK_DIFFERENCE: Final = 60.0


class UnclearSessionError(Error):
    """Running sessions could belong to an entry, and it is not clear which one does."""


@dataclass(frozen=True, slots=True)
class ApiClock:
    """The API's calendar as seen from a ledger: a host's calendar may be wrong by hours.

    Attributes:
        now: The time of an answer on the ledger's clock.
        ahead: Seconds that the API's calendar was ahead of it.
    """

    now: LedgerTime
    ahead: float = 0.0

    @classmethod
    def of(cls, response: Response[Any], now: LedgerTime) -> ApiClock:
        """Read the header `Date` of an answer; without it, both calendars are taken to agree.

        Args:
            response: The answer.
            now: The time on the ledger's clock.
        """
        try:
            return cls(now, parsedate_to_datetime(response.headers["Date"]).timestamp() - now.wall)
        except (KeyError, ValueError, TypeError, OverflowError):
            return cls(now)

    def seconds(self, time: LedgerTime) -> float:
        """A time of the ledger as seconds since 1970 on the API's calendar."""
        return self.now.wall - self.now.since(time) + self.ahead


def listed_sessions(data: Any) -> list[Session]:
    """The running sessions of ``client.sessions.list()``. An item that cannot be read is omitted.

    A session that has failed runs until it has an end: it may be charged for.

    Args:
        data: The data of the answer.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    return [session for session in readable_sessions(data) if not has_end(session)]


def readable_sessions(data: Any) -> list[Session]:
    """The sessions of a list, running or ended. An item that cannot be read is omitted.

    Args:
        data: The data of the answer.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    if not isinstance(data, list):
        raise UnexpectedShapeError("GET /sessions: the answer is not a list", type_name="Session")
    sessions = []
    for item in data:
        with suppress(UnexpectedShapeError):
            sessions.append(Session.from_api(item))
    return sessions


def has_end(session: Session) -> bool:
    """Whether a session has a time or a reason of its end. Words like "failed" do not prove one."""
    return replace(session, progress=None, status=None).ended


def match_by_id(sessions: Iterable[Session]) -> dict[str, str]:
    """The uuid of each session that carries the id of an entry, by that id."""
    return {
        session.user_envs[RENTAL_ID_VARIABLE]: session.uuid
        for session in sessions
        if RENTAL_ID_VARIABLE in session.user_envs
    }


def unlabelled(data: Any) -> set[str]:
    """The uuids of the listed sessions whose environment variables the API did not send.

    They may carry the id of an entry; one with an empty object does not.

    Args:
        data: The data of ``client.sessions.list()``.
    """
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return {str(item.get("uuid")) for item in items if not _has_envs(item)}


def _has_envs(item: dict[str, Any]) -> bool:
    value = item.get("user_envs")
    if value is None or isinstance(value, dict):
        return value is not None
    try:
        return bool(Session.from_api(item).user_envs)  # as JSON text
    except UnexpectedShapeError:
        return False


def uuid_of(rental: Rental, response: Response[Any], ledger: RentalLedger) -> str | None:
    """The session of an entry whose answer is unknown, as its living owner looks for it.

    Args:
        rental: The entry.
        response: The answer of ``client.sessions.list()``.
        ledger: Its other entries are considered.

    Returns:
        The uuid; None if the session is not there.

    Raises:
        UnclearSessionError: It may be there, and it is not clear which one it is.
        octaspace.UnexpectedShapeError: The data is not a list.
        octaspace.RentalLedgerError: The ledger cannot be read.
    """
    sessions = listed_sessions(response.data)
    by_id = match_by_id(sessions).get(rental.id)
    if by_id is not None:
        return by_id
    everything = [*ledger.backend.open_rentals(), *ledger.backend.closed_rentals()]
    entries = [one for one in everything if one.account == rental.account]
    found = match_by_node(
        [one for one in entries if one.uuid is None and one.closed is None],
        sessions,
        taken={one.uuid for one in entries if one.uuid},
        abandoned=(),
        patience=ledger.reconcile_timeout,
        clock=ApiClock.of(response, ledger.now()),
        unlabelled=unlabelled(response.data),
    )
    uuid = found.get(rental.id)
    if uuid is None and rental.id in found:
        raise UnclearSessionError(
            f"sessions of node {rental.node_id} could be rental {rental.id}, and it is not clear which one is"
        )
    return uuid


def match_by_node(
    rentals: Iterable[Rental],
    sessions: Iterable[Session],
    *,
    taken: Collection[str],
    abandoned: Collection[str],
    patience: float,
    clock: ApiClock | None = None,
    unlabelled: Collection[str] = (),
) -> dict[str, str | None]:
    """Match entries with sessions that carry no id: VPN and render, by node and start time.

    A session belongs to an entry if it fits no other entry, and no other session fits that entry. Where all
    entries of a node are abandoned, it does not matter which session is whose: they get those that fit,
    unless there are more sessions than entries. A session without a start time, and a machine whose
    environment variables are not known, may be the entry's, and never are its only match.

    Args:
        rentals: Every open entry without a session, those of living owners included.
        sessions: The running sessions.
        taken: Uuids that belong to other entries.
        abandoned: Ids of the entries that are to be ended.
        patience: Seconds after the last sign of life of its owner in which a session may have started.
        clock: The API's calendar; that of the ledger by default.
        unlabelled: Uuids of the sessions whose environment variables are not known.

    Returns:
        By id of the entry: the uuid; None where it is not clear which session is the entry's. Entries that
        fit no session are missing.
    """
    known = {uuid.lower() for uuid in taken}  # the API may write it in another case
    groups: dict[tuple[str, int], list[Rental]] = {}
    for rental in rentals:
        groups.setdefault((rental.service, rental.node_id), []).append(rental)
    found: dict[str, str | None] = {}
    for (service, node_id), group in groups.items():
        here = [
            session
            for session in sessions
            if session.service == service
            and session.node_id == node_id
            and session.uuid.lower() not in known
            and (service != "mr" or session.uuid in unlabelled)
        ]
        fits = {
            rental.id: [session for session in here if _fits(rental, session, patience, clock)]
            for rental in group
        }
        unsure = service == "mr" or any(session.started_at is None for session in here)
        uuids = {id: [session.uuid for session in those] for id, those in fits.items()}
        candidates = {uuid for those in uuids.values() for uuid in those}
        if not unsure and len(candidates) <= len(group) and all(one.id in abandoned for one in group):
            found.update(_any_of(uuids))
            continue
        for id, those in uuids.items():
            alone = len(those) == 1 and sum(those[0] in others for others in uuids.values()) == 1
            if those:
                found[id] = those[0] if alone and not unsure else None
    return found


def _any_of(fits: dict[str, list[str]]) -> dict[str, str | None]:
    """Give each entry one of the sessions that fit it, those with the fewest first."""
    found: dict[str, str | None] = {}
    for id, uuids in sorted(fits.items(), key=lambda item: len(item[1])):
        left = [uuid for uuid in uuids if uuid not in found.values()]
        if left:
            found[id] = left[0]
    return found


def _fits(rental: Rental, session: Session, patience: float, clock: ApiClock | None) -> bool:
    if session.started_at is None:
        return True
    created, renewed = rental.created.wall, rental.renewed.wall
    if clock is not None:
        created, renewed = clock.seconds(rental.created), clock.seconds(rental.renewed)
    start = session.started_at.timestamp()
    return created - _CLOCK_DIFFERENCE <= start <= renewed + patience + _CLOCK_DIFFERENCE
