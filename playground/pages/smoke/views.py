"""The smoke suite: started here, watched while it runs, compared with the last run, exported as JSON."""

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
from ...jobs.smoke_steps import RENTED_SECONDS, failed_steps, plan
from ...store import Job, JobStore, TooManyJobsError
from ...web.form_actions import RESULT, ChangeForm, once
from ...web.responses import as_attachment
from .comparison import compare, signed_seconds
from .suite import KIND, start_smoke

bp = Blueprint("smoke", __name__, url_prefix="/playground/diagnostics/smoke")

_HERE: Final = "smoke.index"

#: Runs among which the one to compare with is searched: all that the store keeps.
_KEPT: Final = 20


_OUTCOME: Final = {"ok": True, "text": "", "problem": None, "endpoint": _HERE, "values": {}}


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
    """Start the suite; changes only in the sandbox, whatever the form says."""
    form = ChangeForm()
    changes = request.form.get("changes") == "yes" and current_browser().api_target.is_sandbox

    return once(form.once.data or "", lambda: _started(changes=changes), (_HERE, {}))


@bp.post("/runs/<id>/again")
def again(id: str) -> Redirect:
    """Make the calls that failed in a run again, with the same arguments."""
    form = ChangeForm()
    job, target = _job(id), current_browser().api_target
    changes = bool(job.about["changes"]) and target.is_sandbox
    steps = failed_steps(_jobs().items(id), changes=changes)
    if list(target.endpoints) != job.about["endpoints"]:
        reason = f"that run used {job.about['source']}, and this browser uses {target.label} now."
    else:
        reason = "" if steps else "no call of that run failed."

    def act() -> dict[str, Any]:
        if reason:
            return {**_OUTCOME, "ok": False, "text": f"Nothing was sent: {reason}", "values": {"run": id}}
        return _started(changes=changes, steps=steps, again=id)

    return once(form.once.data or "", act, (_HERE, {"run": id}))


def _started(**options: Any) -> dict[str, Any]:
    """Start a run; return the outcome of the form."""
    try:
        id = start_smoke(current_app_state(), current_browser(), **options)
    except TooManyJobsError as error:
        return {**_OUTCOME, "ok": False, "text": f"The suite was not started. {error}"}
    return {**_OUTCOME, "values": {"run": id, "_anchor": RESULT}}


@bp.get("/runs/<id>")
def show(id: str) -> str:
    """Only the result; the page polls it while the suite runs."""
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
            "only_failed_of": job.about.get("again"),
            "versions": {"octaspace": octaspace.__version__, "python": platform.python_version()},
            **suite["counts"],
            "compared": suite["compared"].as_json() if suite["compared"] else None,
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
    is_running = job is not None and job.alive
    earlier = None if job is None or is_running else _earlier(job)
    failures = [item for item in items if item["state"] == "failed"]
    latest = _jobs().latest(KIND)
    return {
        "job": job,
        "is_last": job is not None and [each.id for each in latest] == [job.id],
        "items": items,
        # In their order while it runs, so that no row moves.
        "ordered": items if is_running else [*failures, *(it for it in items if it["state"] != "failed")],
        "counts": counts,
        "waiting": waiting,
        "failures": failures,
        "earlier_run": earlier,
        "compared": None if earlier is None else compare(items, _jobs().items(earlier.id)),
        "signed_seconds": signed_seconds,
        "rented_seconds": RENTED_SECONDS,
    }


def _earlier(job: Job) -> Job | None:
    """The run to compare with: the one whose failed calls were repeated, else the last full one before it."""
    if job.about.get("again"):
        return _jobs().find(job.about["again"])
    return next((each for each in _jobs().latest(KIND, _KEPT) if _is_before(each, job)), None)


def _is_before(each: Job, job: Job) -> bool:
    return (
        each.at < job.at
        and not each.alive
        and not each.about.get("again")
        and each.about["endpoints"] == job.about["endpoints"]
    )


def _job(id: str) -> Job:
    job = _jobs().find(id)
    if job is None or job.kind != KIND:
        abort(404, "This browser has no such run of the suite. It may have expired.")
    return job


def _jobs() -> JobStore:
    return JobStore(current_app_state().database, current_browser().id)
