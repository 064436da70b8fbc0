"""Transport figures of all workers: mode, pools, endpoint rotation, counters; refreshed automatically."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from flask import Blueprint, current_app, render_template
from flask import Response as Page
from werkzeug.wrappers import Response
from wtforms import SelectField
from wtforms.validators import NumberRange

from octaspace import Client, Error

from ...app_state import current_app_state
from ...browser.call_log import CallLog, latest_calls
from ...browser.state import Browser, current_browser
from ...browser.store_problems import unless_store_fails
from ...sdk.call import SdkCall
from ...sdk.recording import Call, record_calls
from ...web.form_actions import ChangeForm, WholeNumberField, once
from ...web.responses import as_attachment
from ...web.worker_snapshots import current_health, current_snapshots, publish_after_request
from .incident import incident_report
from .series import Series
from .timeline import draw

bp = Blueprint("diagnostics", __name__, url_prefix="/playground/diagnostics")
bp.after_app_request(publish_after_request)

#: Time span of the sparklines in seconds, and their maximum number of calls.
_MINUTES: Final = 10
_MAX_CALLS: Final = 300

#: Errors of the incident report, and of the page.
_REPORTED: Final = 20
_SHOWN_ERRORS: Final = 5

READS: Final = {
    "network.info": "client.network.info()",
    "accounts.balance": "client.accounts.balance()",
    "nodes.list": "client.nodes.list()",
    "services.mr.list": "client.services.mr.list()",
}


class ReadsForm(ChangeForm):
    """Number and kind of the reads to make at once."""

    line = SelectField("Call", choices=list(READS))  # type: ignore[arg-type]  # plain strings are fine
    count = WholeNumberField("How many", default=10, validators=[NumberRange(1, 50)])


@bp.get("")
def index() -> str:
    warning = unless_store_fails(
        "whether it keeps what it has acknowledged", None, current_app_state().database.durability_warning
    )
    figures = _figures(whole=True)
    return render_template(
        "diagnostics/index.html", **figures, reads=READS, report=_report(figures), store_warning=warning
    )


@bp.get("/live")
def live() -> str:
    """The part that refreshes itself; it makes no calls to the API."""
    return render_template("diagnostics/figures.html", **_figures())


@bp.get("/report.md")
def report() -> Page:
    """The incident report: versions, options without the key, health, last errors."""
    page = current_app.response_class(_report(_figures(whole=True)), mimetype="text/markdown")
    name = f"octaspace-incident-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}.md"
    return as_attachment(page, name)


def _figures(*, whole: bool = False) -> dict[str, Any]:
    """What the page shows; each table of the store is read once.

    Args:
        whole: Whether the errors are those of the incident report, with their details.
    """
    browser, parts = current_browser(), current_app_state()
    stats, workers = current_snapshots(browser, parts)
    latency, in_use = _series(browser)
    errors, _ = latest_calls(browser, _REPORTED if whole else _SHOWN_ERRORS, whole=whole, status="error")
    return {
        "stats": stats,
        "timelines": draw(current_health(browser, parts, workers), parts.database.clock()),
        "config": browser.config,
        "pid": os.getpid(),
        "workers": workers,
        "latency": latency,
        "in_use": in_use,
        "errors": errors,
        "shown_errors": errors[:_SHOWN_ERRORS],
        "minutes": _MINUTES,
    }


def _series(browser: Browser) -> tuple[Series, Series]:
    """Seconds per call, and connections in use as each began, over the last minutes."""
    rows, _ = latest_calls(browser, _MAX_CALLS, since=time.time() - 60 * _MINUTES)
    rows.reverse()
    return (
        Series([row.elapsed for row in rows if row.attempts]),  # not those that the cache answered
        Series([row.in_use for row in rows if row.in_use is not None]),
    )


def _report(figures: Mapping[str, Any]) -> str:
    return incident_report(
        current_browser(), figures["workers"], figures["errors"], figures["latency"], figures["timelines"]
    )


@bp.post("/reads")
def reads() -> Response:
    """Make some reads at the same time, as data for this page."""
    form = ReadsForm()

    def act() -> dict[str, Any]:
        here: dict[str, Any] = {"endpoint": "diagnostics.index", "values": {}, "problem": None}
        if not form.validate():
            problems = " ".join(str(text) for texts in form.errors.values() for text in texts)
            return {"ok": False, "text": f"Nothing was sent: {problems}", **here}
        began = time.monotonic()
        calls = _read(form.line.data, form.count.data or 1)
        took = time.monotonic() - began
        failed = sum(call.error is not None for call in calls)
        attempts = sum(len(call.attempts) for call in calls)
        text = f"{len(calls)} calls in {took:.2f} s, {attempts} attempts, {failed} failed."
        return {"ok": not failed, "text": text, "line": READS[form.line.data], **here}

    return once(form.once.data or "", act, ("diagnostics.index", {}))


def _read(name: str, count: int) -> list[Call]:
    browser, parts = current_browser(), current_app_state()
    line = SdkCall(name)
    with parts.clients.lease(browser.config) as client:
        bounded = client.with_options(total_timeout=browser.budget)
        running = [parts.submit(_read_once, bounded, line) for _ in range(count)]
        calls = [call for future in running for call in future.result()]
    CallLog.for_current_page(browser, source="reads").write(calls, line.redacted)
    return calls


def _read_once(client: Client, line: SdkCall) -> list[Call]:
    with record_calls() as calls:
        try:
            line.run(client)
        except Error:
            return calls  # it is recorded
    return calls
