"""Stop the rentals whose lease has run out or whose deadline has passed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from .. import errors
from .._client import Client
from ..resources.services.polling import session_info
from ..resources.services.stopping import STOP_PAUSES, pause_after, stop_once
from ..resources.services.transient import is_transient
from ..types import Session
from .account import account_fingerprint
from .client_ledger import ledger_for
from .ledger import RentalLedger
from .ledger_time import LedgerTime
from .matching import (
    ApiClock,
    has_end,
    listed_sessions,
    match_by_id,
    match_by_node,
    unlabelled,
)
from .owner import RentalOwner
from .rental import Claim, Outcome, Rental
from .report import ReapedRental, ReapReport, ReapResult

__all__ = ["reap"]

#: How long a reaper has the right to stop a rental, in seconds; renewed before each attempt. A reaper of the
#: same machine that has ended loses it at once.
_CLAIM_SECONDS: Final = 60.0

#: Closed entries are kept for a week: a session that appears late is still recognized.
_KEPT_SECONDS: Final = 7 * 86400.0

#: Seconds after the closing of the last entry in which the sessions are still listed.
_WATCHED_SECONDS: Final = 3600.0

#: By how many seconds a sign of life is in the future when the clock was set back. A smaller difference means
#: that it was given after the time was read.
_SET_BACK_SECONDS: Final = 1.0

_LOG = logging.getLogger("octaspace.reaper")


def reap(client: Client, ledger: RentalLedger | None = None, *, dry_run: bool = False) -> ReapReport:
    """One round: end what has lost its owner or passed its deadline; close what is gone.

    It sends at most one GET /sessions, and POST /services/:uuid/stop for each session to end; stops that may
    succeed later are tried again within the round. Only entries of the client's account are touched. It may
    run on several machines at once and be killed at any moment: the next round continues.

    Args:
        client: A client with the key of the account.
        ledger: The ledger; that of the client's configuration by default.
        dry_run: Change nothing and report what would be done.

    Returns:
        The report; `ReapReport.ok` is False when something that should have ended may run on.

    Raises:
        octaspace.RentalLedgerError: The ledger cannot be used.
        octaspace.ConfigurationError: There is no ledger.
    """
    return _Round(client, ledger_for(client, ledger), dry_run=dry_run).run()


@dataclass
class _Due:
    """An entry whose session is to be stopped."""

    rental: Rental
    reason: str


class _Round:
    def __init__(self, client: Client, ledger: RentalLedger, *, dry_run: bool) -> None:
        self._client = client
        self._ledger = ledger
        self._report = ReapReport(dry_run=dry_run)
        self._account = account_fingerprint(client.config.api_key)
        self._me = RentalOwner.current()
        self._unlabelled: set[str] = set()

    def run(self) -> ReapReport:
        ledger, report = self._ledger, self._report
        if not ledger.backend.exists():
            return report
        now = ledger.now()
        rentals, closed = self._entries(now)
        if not rentals and not any(now.since(one.closed) < _WATCHED_SECONDS for one in closed if one.closed):
            return report
        self._clock = ApiClock(now)
        sessions = self._sessions()
        # Read after the list: every session in it has its entry by now. One that was rented in between would
        # otherwise be taken for that of a dead owner on the same node.
        now = ledger.now()
        rentals, closed = self._entries(now)
        due: list[_Due] = []
        if sessions is not None:
            due += self._still_running(closed, sessions, now)
            rentals = self._resolve(rentals, closed, sessions, now)
        for rental in rentals:
            reason = self._reason(rental, now)
            if rental.uuid is None:
                if sessions is not None and (reason or rental.lease is None):
                    self._close_unless_recent(rental, now)
                else:
                    report.living += not reason
            elif reason:
                due.append(_Due(rental, reason))
            elif rental.lease is None and sessions is not None and self._is_gone(rental, sessions, now):
                self._close(rental, "session gone")
            else:
                report.living += 1
        self._stop_all(due)
        return report

    def _entries(self, now: LedgerTime) -> tuple[list[Rental], list[Rental]]:
        """The open and the recently closed entries of the account."""
        everyones = self._ledger.backend.open_rentals()
        rentals = [one for one in everyones if one.account == self._account]
        self._report.others = len(everyones) - len(rentals)
        # The closed ones second: what is closed in between is in one of the two lists.
        return rentals, self._recently_closed(now)

    def _recently_closed(self, now: LedgerTime) -> list[Rental]:
        kept = []
        for rental in self._ledger.backend.closed_rentals():
            if rental.account != self._account or rental.closed is None:
                continue
            if now.since(rental.closed) < _KEPT_SECONDS:
                kept.append(rental)
            elif not self._report.dry_run:
                self._ledger.backend.remove(rental)
        return kept

    def _sessions(self) -> list[Session] | None:
        try:
            response = self._client.sessions.list()
            sessions = listed_sessions(response.data)
        except Exception as error:  # of the API, or of a hook: the known sessions are stopped nevertheless
            self._report.problem = f"the sessions could not be listed: {_words(error)}"
            _LOG.warning("Reaper: %s", self._report.problem)
            return None
        self._clock = ApiClock.of(response, self._ledger.now())
        self._unlabelled = unlabelled(response.data)
        return sessions

    def _reason(self, rental: Rental, now: LedgerTime) -> str:
        """Why a rental is to be ended; empty if it is not."""
        if rental.deadline_passed(now):
            return "deadline passed"
        ahead = -now.since(rental.renewed)
        if ahead > _SET_BACK_SECONDS and rental.renewed.epoch == now.epoch and not self._report.dry_run:
            # The clock of the ledger was set back. Without this the lease would last as much longer.
            self._ledger.change(rental.id, lambda one: one.changed(renewed=now) if one == rental else one)
        if rental.lease_over(now, self._me.host) and (rental.released or rental.owner_lives() is not True):
            return "lease over"
        return ""

    def _still_running(self, closed: list[Rental], sessions: list[Session], now: LedgerTime) -> list[_Due]:
        """Closed entries whose session runs: it appeared late, or its stop had no effect."""
        by_id, running = match_by_id(sessions), {session.uuid: session for session in sessions}
        due = []
        for rental in closed:
            session = running.get(by_id.get(rental.id) or rental.uuid or "")
            was_ended = rental.outcome not in ("not made", "refused")
            age = 0.0 if rental.closed is None else now.since(rental.closed)
            if session is None or (was_ended and age < self._ledger.reconcile_timeout):
                continue
            again = rental.changed(
                uuid=session.uuid,
                closed=None,
                outcome=None,
                released=True,
                lease=rental.lease or self._ledger.lease,
            )
            if self._report.dry_run or self._ledger.backend.replace(rental, again):
                due.append(_Due(again, "still running"))
        return due

    def _resolve(
        self, rentals: list[Rental], closed: list[Rental], sessions: list[Session], now: LedgerTime
    ) -> list[Rental]:
        """Add the session to the entries that lack one and whose owner does not look for it."""
        unresolved = [one for one in rentals if one.uuid is None]
        if not unresolved:
            return rentals
        abandoned = {one.id for one in unresolved if self._reason(one, now)}
        found: dict[str, str | None] = {
            **match_by_node(
                unresolved,
                sessions,
                taken={one.uuid for one in (*rentals, *closed) if one.uuid},
                abandoned=abandoned,
                patience=self._ledger.reconcile_timeout,
                clock=self._clock,
                unlabelled=self._unlabelled,
            ),
            **match_by_id(sessions),
        }
        resolved = []
        for rental in rentals:
            if rental.uuid is not None or rental.id not in found:
                resolved.append(rental)
                continue
            if rental.lease is not None and rental.id not in abandoned:
                self._report.living += 1  # its owner looks for it
                continue
            uuid = found[rental.id]
            if uuid is None:
                self._add(
                    rental,
                    "undecided",
                    detail="sessions of the node could be this one, and nothing shows which",
                )
                continue
            known = self._attach(rental, uuid)
            if known is not None:
                resolved.append(known)
        return resolved

    def _attach(self, rental: Rental, uuid: str) -> Rental | None:
        if self._report.dry_run:
            known: Rental | None = replace(rental, uuid=uuid)
        else:
            known = self._ledger.change(
                rental.id, lambda one: one.changed(uuid=uuid) if one.uuid is None else one
            )
        if known is not None:
            self._add(known, "found")
        return known

    def _close_unless_recent(self, rental: Rental, now: LedgerTime) -> None:
        """Close an entry as not made when its session had time to appear."""
        if now.since(rental.renewed) >= self._ledger.reconcile_timeout:
            self._close(rental, "not made")

    def _is_gone(self, rental: Rental, sessions: list[Session], now: LedgerTime) -> bool:
        if any(session.uuid == rental.uuid for session in sessions) or rental.uuid is None:
            return False
        if now.since(rental.created) < self._ledger.reconcile_timeout:
            return False  # it may not be listed yet
        try:
            info = self._client.services.session(rental.uuid).info().data
            return has_end(Session.from_api(session_info(info)))
        except errors.NotFoundError:
            return True
        except Exception:
            return False

    def _close(self, rental: Rental, outcome: Outcome) -> None:
        if not self._report.dry_run:
            now = self._ledger.now()

            def edit(one: Rental) -> Rental:
                # Its owner may have written something in the meantime.
                return one.changed(closed=now, outcome=outcome) if one.revision == rental.revision else one

            if self._ledger.change(rental.id, edit) is None:
                return
        self._add(rental, "not made" if outcome == "not made" else "gone")

    def _stop_all(self, due: list[_Due]) -> None:
        if self._report.dry_run:
            for one in due:
                self._add(one.rental, "stopped", one.reason)
            return
        for pause in (*STOP_PAUSES, None):
            wait = 0.0
            left = []
            for one in due:
                asked = self._stop(one, last=pause is None)
                if asked is not None:
                    left.append(one)
                    wait = max(wait, asked)
            if not left or pause is None:
                return
            due = left
            self._client._sender.sleep(max(pause, wait))

    def _stop(self, due: _Due, *, last: bool) -> float | None:
        """Stop one session; returns the seconds to wait before another attempt, None if there is none."""
        claimed = self._claim(due.rental, due.reason)
        if claimed is None:
            return None
        try:
            # A stopped rental has a session: entries without one are not due.
            session = self._client.services.session(claimed.uuid or "")
            was_running = stop_once(session)
        except Exception as error:  # of the API, or of a hook: the others are to be stopped nevertheless
            if isinstance(error, errors.Error) and is_transient(error) and not last:
                return pause_after(error)
            self._leave(claimed, due.reason, _words(error))
            return None
        if not was_running and self._report.problem:
            # A wrong base URL also answers 404 to everything.
            self._leave(claimed, due.reason, "404, and the sessions could not be listed")
            return None
        outcome: Outcome = "session gone" if not was_running else _outcome(due.reason)
        self._add(claimed, "stopped" if was_running else "gone", due.reason)
        uuid = errors.one_line(claimed.uuid or "")
        _LOG.warning("Reaper: session %s of rental %s: %s", uuid, claimed.id, outcome)
        self._ledger.close(claimed.id, outcome)
        return None

    def _leave(self, claimed: Rental, reason: str, detail: str) -> None:
        """Report that the session could not be stopped, and leave it to the next round."""
        self._ledger.change(claimed.id, lambda one: one.changed(claim=None) if one == claimed else one)
        self._add(claimed, "failed", reason, detail)
        uuid = errors.one_line(claimed.uuid or "")
        _LOG.warning("Reaper: session %s could not be stopped: %s", uuid, detail)

    def _claim(self, rental: Rental, reason: str) -> Rental | None:
        """Make the entry ours, unless it was closed, renewed, or claimed by another reaper."""
        now = self._ledger.now()
        claim = Claim(self._me, now, _CLAIM_SECONDS)

        def edit(one: Rental) -> Rental:
            if one.closed is not None or (reason != "still running" and not self._reason(one, now)):
                return one
            if one.claim is not None and one.claim.by != self._me and not one.claim.is_over(now):
                return one
            return one.changed(claim=claim, uuid=one.uuid or rental.uuid)

        claimed = self._ledger.change(rental.id, edit, known=rental)
        if claimed is None or claimed.closed is not None:
            return None
        if claimed.claim != claim:
            if claimed.claim is None:
                self._report.living += 1  # renewed in the meantime
            else:
                self._add(claimed, "claimed", reason)
            return None
        return claimed

    def _add(self, rental: Rental, result: ReapResult, reason: str = "", detail: str = "") -> None:
        self._report.items.append(ReapedRental(rental, result, reason, detail))


def _outcome(reason: str) -> Outcome:
    known: dict[str, Outcome] = {"deadline passed": "deadline passed", "still running": "still running"}
    return known.get(reason, "lease over")


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, errors.Error) else type(error).__name__
