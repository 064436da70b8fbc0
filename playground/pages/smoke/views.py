"""The smoke suite: started here, watched while it runs, and taken away as JSON."""

from __future__ import annotations

import json
import platform
from collections import Counter
from datetime import datetime, timezone
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

import octaspace

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...jobs.smoke_steps import plan
from ...store import Job, JobStore, TooManyJobsError
from ...web.form_actions import RESULT, ChangeForm, once
from ...web.responses import as_attachment
from .suite import KIND, start_smoke

bp = Blueprint("smoke", __name__, url_prefix="/playground/diagnostics/smoke")

_HERE: Final = "smoke.index"


@bp.get("")
def index() -> str:
    jobs = _jobs()
    job = jobs.find(request.args["run"]) if "run" in request.args else next(iter(jobs.latest(KIND)), None)
    return render_template(
        "smoke/index.html",
        **_suite(job),
        reads=len(plan(changes=False)),
        changes=len(plan(changes=True)) - len(plan(changes=False)),
        earlier=[each for each in jobs.latest(KIND, 6) if job is None or each.id != job.id],
    )


@bp.post("")
def start() -> Redirect:
    """Begin the suite; the changing calls only in the sandbox, whatever the form says."""
    form = ChangeForm()
    browser = current_browser()
    changes = request.form.get("changes") == "yes" and browser.api_target.is_sandbox

    def act() -> dict[str, Any]:
        outcome = {"ok": True, "text": "", "problem": None, "endpoint": _HERE, "values": {}}
        try:
            id = start_smoke(current_app_state(), browser, changes=changes)
        except TooManyJobsError as error:
            return {**outcome, "ok": False, "text": f"Nothing was begun. {error}"}
        return {**outcome, "values": {"run": id, "_anchor": RESULT}}

    return once(form.once.data or "", act, (_HERE, {}))


@bp.get("/runs/<id>")
def show(id: str) -> str:
    """The table alone, asked for again and again while the suite runs."""
    return render_template("smoke/run.html", **_suite(_job(id)))


@bp.post("/runs/<id>/cancel")
def cancel(id: str) -> Redirect:
    _jobs().cancel(_job(id).id)
    return redirect(url_for(_HERE, run=id, _anchor=RESULT), 303)


@bp.get("/runs/<id>/report.json")
def report(id: str) -> Response:
    job = _job(id)
    suite = _suite(job)
    text = json.dumps(
        {
            "suite": "octaspace smoke",
            "began": datetime.fromtimestamp(job.at, timezone.utc).isoformat(timespec="seconds"),
            "seconds": round(job.seconds, 3),
            "finished": job.ended is not None and not job.cancelled,
            "source": job.about["source"],
            "endpoints": job.about["endpoints"],
            "with_changes": job.about["changes"],
            "versions": {"octaspace": octaspace.__version__, "python": platform.python_version()},
            **suite["counts"],
            "calls": suite["items"],
        },
        indent=1,
        ensure_ascii=False,
    )
    response = current_app.response_class(text, mimetype="application/json")
    name = f"octaspace-smoke-{datetime.fromtimestamp(job.at, timezone.utc):%Y%m%d-%H%M%S}.json"
    return as_attachment(response, name)


def _suite(job: Job | None) -> dict[str, Any]:
    """What the template of a suite needs."""
    items = _jobs().items(job.id) if job is not None else []
    states = Counter(item["state"] for item in items)
    counts = {state: states[state] for state in ("passed", "failed", "skipped")}
    waiting = job.about["plan"][len(items) :] if job is not None else []
    return {"job": job, "items": items, "counts": counts, "waiting": waiting}


def _job(id: str) -> Job:
    job = _jobs().find(id)
    if job is None or job.kind != KIND:
        abort(404, "This browser has no such run of the suite; it may have been forgotten.")
    return job


def _jobs() -> JobStore:
    return JobStore(current_app_state().database, current_browser().id)
