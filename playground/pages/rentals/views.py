"""The rental ledger: what runs until when, a new deadline, and the end of a rental.

A browser changes only what it has rented itself; entries of other owners of its account are shown.
"""

from __future__ import annotations

import logging
import math
import time
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response as Redirect

from octaspace import RentalLedgerError
from octaspace.rentals import Rental, RentalLedger, account_fingerprint

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...browser.store_problems import unless_store_fails
from ...domain.ledger_listing import LedgerListing, ShownRental, read_ledger
from ...domain.sessions import SessionList, session_list, short_id
from ...domain.stop_after import DEFAULT_HOURS, parse_hours
from ...formatting import duration
from ...sdk.call import SdkCall
from ...sdk.error_card import Problem, describe
from ...store import ReaperRounds
from ...web.changes import change
from ...web.form_actions import ChangeForm, Target, once, result_of, stale_form_reason
from ...web.panels import Panel, PanelRequest, load

bp = Blueprint("rentals", __name__, url_prefix="/playground/rentals")

_log = logging.getLogger("playground")

#: With this variable alone, the ledger is in the Redis of the store.
_STORE_VARIABLE: Final = "PLAYGROUND_REDIS_URL"

_INDEX: Final[Target] = ("rentals.index", {})

#: Seconds between two refreshes of the page.
_REFRESH_SECONDS: Final = 20

#: Rounds of the reaper that may be missing before the page warns, and the seconds that one may take.
_MISSED_ROUNDS: Final = 3
_ROUND_SECONDS: Final = 30.0

_UNREADABLE: Final = "The rental ledger cannot be read"

_ADVICE: Final = (
    "While the ledger is unavailable, deadlines are not enforced and nothing can be rented. Check the file "
    "or Redis server in PLAYGROUND_RENTAL_LEDGER. Sessions can still be stopped on the Sessions page."
)


@bp.get("")
def index() -> str:
    panel = _sessions()
    listing, problem = _read(panel)
    reaped = _last_round()
    return render_template(
        "rentals/index.html",
        sessions=panel,
        listing=listing,
        ledger_problem=problem,
        every=_REFRESH_SECONDS,
        reaped=reaped,
        reaper_late=reaped is None or reaped > _MISSED_ROUNDS * _pause() + _ROUND_SECONDS,
    )


@bp.get("/<id:id>/stop")
def confirm_stop(id: str) -> str:
    """Asks before a rental is stopped: which, where, and what it costs."""
    rental = _own(id)
    panel = _sessions()
    return render_template(
        "rentals/stop.html",
        it=_shown(rental, panel),
        sessions=panel,
        line=str(_stop_line(rental)) if rental.uuid else "",
        typed=short_id(rental.uuid or ""),
    )


@bp.post("/<id:id>/stop")
def stop(id: str) -> Redirect:
    """Stop the session of a rental; its entry is closed with it."""
    rental, form = _own(id), ChangeForm()
    token = form.once.data or ""
    reason = _cannot_stop(rental)
    if reason and result_of(token) is None:
        refused = {**_outcome(reason, ok=False), "neutral": rental.closed is not None}
        return once(token, lambda: refused, _INDEX)
    answer = change(
        form, _stop_line(rental), done="The rental is stopped.", to=_INDEX, name=short_id(rental.uuid or ""),
        then=lambda _: _INDEX, already="This browser stopped the session of this rental",
    )  # fmt: skip
    result = result_of(token) or {}
    before = result.get("neutral", False)
    if before or (result.get("problem") or {}).get("status") == 404:  # it had ended before
        try:
            _ledger().close(id, "stopped" if before else "session gone")
        except RentalLedgerError as error:
            _log.warning("The entry of a session that is gone is left to the reaper: %s", error)
    return answer


@bp.get("/<id:id>/extend")
def deadline(id: str) -> str:
    """Asks for a new deadline, with the cost until then."""
    rental = _own(id)
    return _deadline_page(rental, typed=request.args.get("hours") or _extended(rental))


@bp.post("/<id:id>/extend")
def extend(id: str) -> Redirect | tuple[str, int]:
    """Set a new deadline, in hours from now."""
    rental, form = _own(id), ChangeForm()
    text = request.form.get("hours", "")[:40]
    try:
        seconds = parse_hours(text)
        if seconds is None:
            raise ValueError("Required")
    except ValueError as error:
        return _deadline_page(rental, typed=text, error=str(error)), 422
    chosen = seconds

    def act() -> dict[str, Any]:
        stale = stale_form_reason(form.once.data)
        if stale:
            return _outcome(stale, ok=False)
        try:
            changed = _ledger().extend(id, chosen)
        except RentalLedgerError as error:
            return {**_outcome("", ok=False), "problem": _ledger_problem(error).as_json()}
        if changed is None or changed.state in ("closed", "stopping"):
            return _outcome("Nothing was changed: the rental has ended, or is being stopped.", ok=False)
        return _outcome(f"{_name_of(changed)} will be stopped in {duration(chosen)}.", ok=True)

    return once(form.once.data or "", act, _INDEX)


def _extended(rental: Rental) -> str:
    """The hours that the form begins with: what is left, and the hours of a rent form in addition."""
    added = Decimal(current_browser().default_hours or DEFAULT_HOURS)
    deadline = rental.deadline
    left = 0.0 if deadline is None else max(0.0, deadline.since(_ledger().now())) / 3600
    return format(added + Decimal(math.ceil(left * 10)) / 10, "f")


def _sessions() -> Panel:
    line = SdkCall("sessions.list")
    return load(
        PanelRequest("sessions", "Running sessions", line, shape=session_list, empty=lambda found: False)
    )["sessions"]


def _read(panel: Panel) -> tuple[LedgerListing | None, Problem | None]:
    browser = current_browser()
    sessions: SessionList | None = panel.data
    if browser.problem is not None and current_app_state().process.ledger_variable == _STORE_VARIABLE:
        # The same server: to wait for it once is enough.
        return None, _ledger_problem(RentalLedgerError("it is in the same Redis as the storage"))
    try:
        listing = read_ledger(_ledger(), sessions, shares_account=browser.shares_account, owns=browser.owns)
    except RentalLedgerError as error:
        return None, _ledger_problem(error)
    return listing, None


def _shown(rental: Rental, panel: Panel) -> ShownRental:
    sessions: SessionList | None = panel.data
    session = sessions.find(rental.uuid) if sessions is not None and rental.uuid else None
    return ShownRental(rental, _ledger().now(), own=True, session=session, listed=sessions is not None)


def _own(id: str) -> Rental:
    """An entry of this browser. Other owners' entries are not changed, whatever a form says."""
    browser = current_browser()
    try:
        rental = _ledger().backend.get(id)
    except RentalLedgerError as error:
        abort(503, f"{_UNREADABLE}: {error}")
    if rental is None or not browser.shares_account(rental):
        abort(404, "This account has no such rental.")
    if not browser.owns(rental):
        abort(403, "This rental belongs to another owner. Nothing was changed.")
    return rental


def _deadline_page(rental: Rental, *, typed: str, error: str = "") -> str:
    panel = _sessions()
    return render_template(
        "rentals/extend.html", it=_shown(rental, panel), sessions=panel, typed=typed,
        errors={"hours": error} if error else {},
    )  # fmt: skip


def _cannot_stop(rental: Rental) -> str:
    if rental.closed is not None:
        return f"Nothing was sent: {_name_of(rental)} has ended ({rental.outcome})."
    if rental.uuid is None:
        return "Nothing was sent: the session of this rental is not known yet."
    return ""


def _stop_line(rental: Rental) -> SdkCall:
    return SdkCall("services.session", rental.uuid).chain("stop")


def _name_of(rental: Rental) -> str:
    return rental.name or f"Rental {short_id(rental.id)}"


def _outcome(text: str, *, ok: bool) -> dict[str, Any]:
    return {"ok": ok, "text": text, "problem": None, "endpoint": _INDEX[0], "values": _INDEX[1]}


def _ledger_problem(error: RentalLedgerError) -> Problem:
    found = describe(error)
    return Problem(found.kind, found.message, title=_UNREADABLE, advice=_ADVICE)


def _ledger() -> RentalLedger:
    return current_app_state().rental_ledger


def _last_round() -> float | None:
    """Seconds since a reaper has looked after the account of this browser; None if none has."""
    target = current_browser().api_target
    rounds = ReaperRounds(current_app_state().database)
    at = unless_store_fails(
        "the rounds of the reaper",
        None,
        lambda: rounds.last(account_fingerprint(target.key), target.kind),
    )
    return None if at is None else max(0.0, time.time() - at)


def _pause() -> int:
    """Seconds between two rounds of the reaper."""
    return current_app_state().process.reaper_seconds
