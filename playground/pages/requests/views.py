"""The request log of this browser: filter, detail with the attempts on a time line, copies and exports."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, render_template, request
from werkzeug.wrappers import Response as Redirect

from octaspace import Error, Request

from ...app_state import current_app_state
from ...browser.call_log import CallLog
from ...browser.state import current_browser
from ...sdk.read_only import reading_only
from ...sdk.recording import record_calls
from ...store import FOREGROUND, CallRow, CallSource, RequestLog
from ...web.form_actions import ChangeForm, once
from ...web.responses import as_attachment
from .exports import as_curl, as_har, as_json, as_python

bp = Blueprint("requests", __name__, url_prefix="/playground/requests")

_PER_PAGE: Final = 100
_EVERYTHING: Final = 100_000

#: Highest page number: more than the store keeps calls for, and small enough for its integers.
_MAX_PAGES: Final = 1_000_000

METHODS: Final = ("GET", "POST", "PATCH")

#: Each source of calls, and what the filter calls it.
SOURCES: Final[dict[CallSource, str]] = {
    "page": "pages and forms",
    "refresh": "automatic refreshes",
    "runner": "method runner",
    "smoke": "smoke suite",
    "lab": "failover lab",
    "reads": "reads of Diagnostics",
}

#: The value of the filter that shows automatic calls as well.
ALL: Final = "all"

#: Each period of the filter by time: its length in seconds, and what it is called.
PERIODS: Final = {
    "5m": (300.0, "last 5 minutes"),
    "30m": (1800.0, "last 30 minutes"),
    "1h": (3600.0, "last hour"),
}

#: The value of the filter for calls since the page was opened; the time is a parameter of the address.
OPENED: Final = "opened"

#: Parameters of the address that are kept by links.
_NAMES: Final = ("text", "method", "status", "slower", "address", "source", "since")


@bp.get("")
def index() -> str:
    page = min(max(1, request.args.get("page", 1, int)), _MAX_PAGES)
    calls, chosen = _calls(), _chosen()
    rows, total = calls.latest(_PER_PAGE, offset=(page - 1) * _PER_PAGE, **chosen)
    pages = max(1, -(-total // _PER_PAGE))
    if page > pages:  # an address from before the log was cleared or filtered
        page = pages
        rows, total = calls.latest(_PER_PAGE, offset=(page - 1) * _PER_PAGE, **chosen)
    automatic = calls.latest(0, **{**chosen, "sources": ("refresh",)})[1]
    kept = {name: value for name, value in request.args.items() if name in _NAMES and value}
    if kept.get("since") == OPENED:
        kept[OPENED] = f"{_opened():.3f}"
    return render_template(
        "requests/index.html",
        rows=rows,
        total=total,
        page=page,
        pages=pages,
        methods=METHODS,
        sources=SOURCES,
        periods=PERIODS,
        endpoints=sorted({*calls.addresses(), chosen["address"]} - {""}),
        chosen=chosen,
        opened=_opened(),
        automatic=automatic if chosen["sources"] == FOREGROUND else 0,
        filtered=any(value not in ("", None, FOREGROUND) for value in chosen.values()),
        kept=kept,
    )


@bp.get("/<int:number>")
def show(number: int) -> str:
    row = _calls().find(number)
    if row is None:
        abort(404, "This browser's log has no such call. It may have been cleared.")
    return render_template(
        "requests/detail.html", row=row, sources=SOURCES, curl=as_curl(row), python=as_python(row)
    )


@bp.post("/<int:number>/repeat")
def repeat(number: int) -> Redirect:
    """Repeat a read, at the endpoints this browser uses now."""
    form = ChangeForm()
    row = _calls().find(number)
    if row is None:
        abort(404, "This browser's log has no such call. It may have been cleared.")
    here: dict[str, Any] = {"endpoint": "requests.show", "values": {"number": number}, "problem": None}

    def act() -> dict[str, Any]:
        if not row.detail.get("repeatable"):
            return {"ok": False, "text": "Nothing was sent: only reads can be repeated.", **here}
        return {"ok": True, "text": "", **here, "values": {"number": _read_again(row)}}

    return once(form.once.data or "", act, ("requests.show", {"number": number}))


def _read_again(row: CallRow) -> int:
    """Send the request of a logged read; return its number in the log."""
    browser, parts = current_browser(), current_app_state()
    detail = row.detail
    again = Request(
        row.method, row.path, params=detail["params"], public=detail["public"], expects=detail["expects"]
    )
    # The log shows the result, including an error.
    with (
        parts.clients.lease(browser.config) as client,
        record_calls() as calls,
        reading_only(),
        suppress(Error),
    ):
        client.with_options(total_timeout=browser.budget).send(again)
    return CallLog.for_current_page(browser).write(calls, row.line) or row.id


@bp.get("/log.<any(json, har):kind>")
def export(kind: str) -> Response:
    rows, _ = _calls().latest(_EVERYTHING, whole=True, **_chosen())
    text = as_har(rows) if kind == "har" else as_json(rows)
    name = f"octaspace-requests-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}.{kind}"
    response = current_app.response_class(text, mimetype="application/json")
    return as_attachment(response, name)


@bp.post("/clear")
def clear() -> Redirect:
    form = ChangeForm()

    def act() -> dict[str, Any]:
        _calls().clear()
        text = "The request log of this browser was cleared."
        return {"ok": True, "text": text, "problem": None, "endpoint": "requests.index", "values": {}}

    return once(form.once.data or "", act, ("requests.index", {}))


def _chosen() -> dict[str, Any]:
    """Read the filter from the query; invalid values do not filter."""
    args = request.args
    slower = args.get("slower", type=float)
    source = args.get("source", "")
    sources: tuple[str, ...] = FOREGROUND
    if source == ALL:
        sources = ()
    elif source in SOURCES:
        sources = (source,)
    return {
        "text": args.get("text", "").strip()[:200],
        "method": args.get("method", "") if args.get("method") in METHODS else "",
        "status": args.get("status", "")[:10],
        "slower_than": None if slower is None or math.isnan(slower) else slower / 1000,
        "address": args.get("address", "").strip()[:2000],
        "sources": sources,
        "since": _since(args.get("since", "")),
    }


def _since(period: str) -> float | None:
    if period == OPENED:
        return _opened()
    return time.time() - PERIODS[period][0] if period in PERIODS else None


def _opened() -> float:
    """When the page was first opened, seconds since 1970."""
    opened = request.args.get(OPENED, type=float)
    now = time.time()
    return opened if opened is not None and 0 <= opened <= now else now


def _calls() -> RequestLog:
    return RequestLog(current_app_state().database, current_browser().id)
