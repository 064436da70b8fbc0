"""Own sessions: what runs and what ran, one of them in full with its logs followed, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect
from wtforms import SelectField

from octaspace import RentalLedgerError
from octaspace.types import Session, SessionLogs

from ...browser.state import current_browser
from ...domain.ledger_listing import ShownRental, open_rental_of
from ...domain.log_lines import Cursor, NewLines, as_text, new_lines
from ...domain.log_search import search_log
from ...domain.sessions import SessionList, ShownSession, session_list, short_id
from ...sdk.call import SdkCall
from ...web.changes import change, change_each
from ...web.form_actions import ChangeForm, Target
from ...web.panels import Panel, PanelRequest, load
from ...web.responses import as_attachment
from ...web.url_ids import decoded, links, review_url
from .qr import qr_code
from .table import ActiveCells, RecentCells, active_cells, recent_cells

bp = Blueprint("sessions", __name__, url_prefix="/playground/sessions")

TABS: Final = {"active": "Active", "recent": "Recent"}

#: Lines of each kind that a page begins with, that it has for a search, and that one poll brings at most.
_FIRST_LINES: Final = 400
_SEARCHED_LINES: Final = 2000
_NEXT_LINES: Final = 1000

#: Seconds between two looks at a session that is on its way, and at one that is ready.
_WAITING_SECONDS: Final = 2
_READY_SECONDS: Final = 15

#: Seconds between two refreshes of the list.
_LIST_SECONDS: Final = 20

#: Sessions that one form stops at most.
_MAX_AT_ONCE: Final = 100

_ALREADY: Final = "This browser stopped the session"

SCORES: Final = {"": "no score", "1": "1 · bad", "2": "2", "3": "3", "4": "4", "5": "5 · good"}


class StopForm(ChangeForm):
    """The end of one or more sessions, and what their nodes were worth."""

    score = SelectField(choices=list(SCORES), default="")  # type: ignore[arg-type]  # plain strings are fine

    @property
    def chosen_score(self) -> int | None:
        return int(self.score.data) if self.score.data in SCORES and self.score.data else None


@bp.get("")
def index() -> str:
    tab = request.args.get("tab", "")
    tab = tab if tab in TABS else "active"
    line = SdkCall("sessions.list", recent=True if tab == "recent" else None)
    title = f"{TABS[tab]} sessions"
    panels = load(PanelRequest("sessions", title, line, shape=session_list, empty=_is_empty))
    found: SessionList | None = panels["sessions"].data
    shown = found.sessions if found is not None else ()
    cells: Iterator[ActiveCells | RecentCells]
    if tab == "recent":
        cells = recent_cells(shown, links("sessions.show", "uuid", recent="true"))
    else:
        cells = active_cells(shown, links("sessions.show", "uuid"), links("sessions.confirm_stop", "uuid"))
    return render_template(
        "sessions/index.html",
        **panels,
        cells=cells,
        tab=tab,
        tabs=TABS,
        every=_LIST_SECONDS if tab == "active" else 0,
    )


@bp.get("/<id:uuid>")
def show(uuid: str) -> str | Redirect:
    recent = request.args.get("recent") == "true"
    if recent:
        info = PanelRequest(
            "info",
            "Session",
            SdkCall("sessions.list", recent=True),
            shape=_find(uuid),
            empty=lambda it: it is None,
        )
    else:
        info = PanelRequest("info", "Session", _session(uuid).chain("info"), shape=_shown)
    most = _SEARCHED_LINES if request.args.get("find") else _FIRST_LINES
    log = PanelRequest("log", "Log", _log_line(uuid, recent), shape=_log_shape(None, recent, most))
    panels = load(info, log)
    if not recent and _is_gone(panels["info"]):
        # It has ended: what is left of it is among the recent ones.
        kept: dict[str, Any] = {
            name: value for name, value in request.args.items() if name in ("_panel", "done", "find", "match")
        }
        return redirect(url_for("sessions.show", uuid=uuid, recent="true", **kept))
    shown: ShownSession | None = panels["info"].data
    lines: NewLines | None = panels["log"].data
    revealed = request.args.get("reveal") == "config" and shown is not None
    config = shown.session.config if revealed and shown is not None else None
    rental, is_ledger_readable = (None, True) if recent else _rental(uuid)
    return render_template(
        "sessions/detail.html",
        **panels,
        uuid=uuid,
        recent=recent,
        rental=rental,
        is_ledger_readable=is_ledger_readable,
        python=str(_session(uuid)),
        name=shown.name if shown else uuid,
        revealed=revealed,
        found=search_log(
            request.args,
            *([line.text for line in part] for part in ((lines.system, lines.container) if lines else ())),
        ),
        qr=qr_code(config) if isinstance(config, str) else None,
        every=0 if recent else _READY_SECONDS if shown and shown.state == "ready" else _WAITING_SECONDS,
        short=short_id(uuid),
        scores=SCORES,
    )


def _rental(uuid: str) -> tuple[ShownRental | None, bool]:
    """Its entry in the rental ledger, and whether that could be read."""
    browser = current_browser()
    if browser.problem is not None:
        return None, False  # the ledger may be on the same server: to wait for it once is enough
    try:
        found = open_rental_of(
            uuid, browser.rental_ledger, shares_account=browser.shares_account, owns=browser.owns
        )
    except RentalLedgerError:
        return None, False
    return found, True


@bp.get("/<id:uuid>/log")
def log(uuid: str) -> dict[str, Any]:
    """What was written since a cursor, as JSON for the page that follows."""
    seen = Cursor.parse(request.args.get("after", ""))
    panel, ended = _follow(uuid, seen, _NEXT_LINES)
    if panel.problem is not None:
        return {"problem": f"{panel.problem.kind}: {panel.problem.message}"}
    found: NewLines = panel.data
    return {
        "system": [
            {"time": line.time.isoformat() if line.time else None, "text": line.text} for line in found.system
        ],
        "container": [{"time": None, "text": line.text} for line in found.container],
        "after": str(found.after),
        "left_out": found.left_out,
        "gap": found.gap,
        "ended": ended,
    }


@bp.get("/<id:uuid>/log.txt")
def log_file(uuid: str) -> Response:
    """The whole log as a file."""
    current_browser().require_state()  # a file has no banner that names the API
    panel, _ = _follow(uuid, None, _FIRST_LINES)
    if panel.problem is not None:
        abort(502, f"The log could not be read: {panel.problem.kind}: {panel.problem.message}")
    page = current_app.response_class(as_text(SessionLogs.from_api(panel.answer)), mimetype="text/plain")
    return as_attachment(page, f"session-{uuid[:60]}.log")


@bp.post("/select")
def select() -> Redirect:
    """From the checkboxes of the list to the review, which has its own URL. Nothing is sent to the API."""
    return redirect(review_url("sessions.confirm_stop", "uuid", _chosen(), most=_MAX_AT_ONCE), 303)


@bp.get("/stop")
def confirm_stop() -> str:
    """Asks before sessions are stopped: which, where, and what they cost."""
    chosen = _chosen()
    uuids = chosen[:_MAX_AT_ONCE]
    if not uuids:
        return render_template("sessions/stop.html", uuids=[], none_selected=True)
    line, shape = SdkCall("sessions.list"), _only(uuids)
    panels = load(PanelRequest("sessions", "Sessions to stop", line, shape=shape, empty=_is_empty))
    missing = []
    if panels["sessions"].has_data:
        missing = [uuid for uuid in uuids if panels["sessions"].data.find(uuid) is None]
    there = [uuid for uuid in uuids if uuid not in missing]
    return render_template(
        "sessions/stop.html",
        **panels,
        uuids=there,
        missing=missing,
        left_out=len(chosen) - len(uuids) + request.args.get("left_out", 0, type=int),
        typed=_name_to_type(there),
        scores=SCORES,
        lines={uuid: str(_session(uuid).chain("stop")) for uuid in there},
    )


@bp.post("/stop")
def stop() -> Redirect:
    """Stop sessions: one request for each, whatever happens to the form."""
    uuids = _chosen()
    if not uuids:
        return redirect(url_for("sessions.confirm_stop"), 303)
    if len(uuids) > _MAX_AT_ONCE:
        abort(422, f"Nothing was sent: at most {_MAX_AT_ONCE} sessions can be stopped at a time.")
    form = StopForm()
    lines = [(uuid, _session(uuid).chain("stop", score=form.chosen_score)) for uuid in uuids]
    name = _name_to_type(uuids)
    if len(lines) > 1:
        return change_each(
            form, lines, done="sessions stopped", to=("sessions.index", {}), name=name,
            already=_ALREADY,
        )  # fmt: skip
    uuid, line = lines[0]

    def ended(_: Any) -> Target:
        return "sessions.show", {"uuid": uuid, "recent": "true"}

    back: Target = ("sessions.show", {"uuid": uuid})
    return change(
        form, line, done="The session is stopped.", to=back, name=name, then=ended, already=_ALREADY
    )


def _session(uuid: str) -> SdkCall:
    return SdkCall("services.session", uuid)


def _log_line(uuid: str, recent: bool) -> SdkCall:
    return _session(uuid).chain("logs", recent=True if recent else None)


def _follow(uuid: str, seen: Cursor | None, max_lines: int) -> tuple[Panel, bool]:
    """The log beyond a cursor, and whether the session is over: it answers with `recent` only then (Q13)."""
    ended = request.args.get("recent") == "true"
    shape = _log_shape(seen, ended, max_lines)
    panel = load(PanelRequest("log", "Log", _log_line(uuid, ended), shape=shape), page=False)["log"]
    if not ended and _is_gone(panel):
        ended = True
        panel = load(
            PanelRequest("log", "Log", _log_line(uuid, True), shape=_log_shape(seen, True, max_lines)),
            page=False,
        )["log"]
    return panel, ended


def _log_shape(seen: Cursor | None, ended: bool, max_lines: int) -> Callable[[Any], NewLines]:
    return lambda data: new_lines(SessionLogs.from_api(data), seen, ended=ended, max_lines=max_lines)


def _shown(data: Any) -> ShownSession:
    return ShownSession(Session.from_api(data))


def _find(uuid: str) -> Callable[[Any], ShownSession | None]:
    return lambda data: session_list(data).find(uuid)


def _only(uuids: list[str]) -> Callable[[Any], SessionList]:
    def shape(data: Any) -> SessionList:
        return SessionList(tuple(session for session in session_list(data).sessions if session.uuid in uuids))

    return shape


def _is_empty(found: SessionList) -> bool:
    return not found


def _is_gone(panel: Panel) -> bool:
    return panel.problem is not None and panel.problem.status == 404


def _chosen() -> list[str]:
    """The sessions of the form or the address, each once."""
    return list(dict.fromkeys(decoded(text) for text in request.values.getlist("uuid") if text))


def _name_to_type(uuids: list[str]) -> str:
    return short_id(uuids[0]) if len(uuids) == 1 else f"stop {len(uuids)}"
