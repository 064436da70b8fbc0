"""The method runner: any method of the SDK, with a form made from its signature."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...domain.pricing import usd_per_hour
from ...jobs.examples import DOCUMENTED_JOB, LISTS, ExampleIds, examples_of, has_examples
from ...jobs.method_run import KIND, start_run
from ...sdk.copied_line import python_statement
from ...sdk.error_card import Problem
from ...sdk.methods import Method, Preview, all_methods, find_method, preview
from ...store import Job, JobStore, RequestLog, TooManyJobsError
from ...web.form_actions import RESULT, ChangeForm, once, stale_form_reason
from ...web.responses import MAX_ADDRESS, as_attachment
from .arguments import AS_JSON, Arguments, as_text, for_address, from_form, from_json
from .lost_runs import outcome_of_lost_run

bp = Blueprint("runner", __name__, url_prefix="/playground/diagnostics/runner")

_HERE: Final = "runner.index"

#: A quick answer is on the page that the form leads to; a slow one is waited for there.
_PATIENCE: Final = 1.2

#: Methods that would use a thread of the server for too long.
_MAX: Final = {"interval": 30, "timeout": 600}

#: How much of an answer a page shows.
_SHOWN_CHARACTERS: Final = 64_000

_HISTORY: Final = 6

#: Characters that are added to the URL of a call: the run and its result.
_MORE_ADDRESS: Final = 200

_TOO_LONG: Final = (
    "These arguments are too long for a URL. Nothing was sent. Call the method with the SDK instead."
)


@bp.get("")
def index() -> str:
    method = find_method(request.args.get("method") or "network.info")
    if method is None:
        abort(404, "The SDK has no such method.")
    given = from_json(method, request.args.get(AS_JSON, ""))
    # An address with half of the arguments is one to go on from, not a mistake.
    given.errors = {name: text for name, text in given.errors.items() if name == AS_JSON}
    job = _jobs().find(request.args.get("run", ""))
    return _page(method, given, job=job, typed=_typed(method, given))


@bp.post("/run")
def run() -> Redirect | tuple[str, int]:
    """Start a run, after a question when it would change something."""
    method = find_method(request.form.get("method", ""))
    if method is None:
        abort(404, "The SDK has no such method.")
    as_json = request.form.get("as") == "json"
    given = from_json(method, request.form.get(AS_JSON, "")) if as_json else from_form(method, request.form)
    wanted = request.form.get("do")
    if wanted in ("form", "json") and AS_JSON not in given.errors:
        # The other way to give the same arguments; what may be secret is typed again.
        other = url_for(_HERE, **_address(method, given, as_json=wanted == "json"))  # type: ignore[arg-type]
        if len(other) <= MAX_ADDRESS:
            return redirect(other, 303)
        given.errors[AS_JSON] = _TOO_LONG
    address = _address(method, given, as_json=request.form.get("shown", "json" if as_json else "") == "json")
    if len(url_for(_HERE, **address)) > MAX_ADDRESS - _MORE_ADDRESS:  # type: ignore[arg-type]
        given.errors.setdefault(AS_JSON, _TOO_LONG)
    found = Preview() if given.errors else _check(method, given)
    typed = _typed(method, given) if request.form.get("confirmed") else dict(request.form)
    if given.errors:
        return _page(method, given, typed=typed), 422
    browser = current_browser()
    if found.change and request.form.get("confirmed") != "yes":
        return _page(method, given, typed=typed, asking=found), 200
    form = ChangeForm()
    if found.change and browser.api_target.is_live and (form.typed_name.data or "").strip() != method.name:
        given.errors["typed_name"] = "Nothing was sent: the text does not match the method's name."
        return _page(method, given, typed=typed, asking=found), 422

    def act() -> dict[str, Any]:
        values = dict(address)
        outcome = {"ok": True, "text": "", "problem": None, "endpoint": _HERE, "values": values}
        if found.change and (elsewhere := stale_form_reason(form.once.data)):
            return {**outcome, "ok": False, "text": elsewhere}
        try:
            values["run"] = start_run(current_app_state(), browser, method, given.values, change=found.change)
            values["_anchor"] = RESULT
        except TooManyJobsError as error:
            return {**outcome, "ok": False, "text": f"Nothing was sent. {error}"}
        _wait_for(values["run"])
        return outcome

    return once(form.once.data or "", act, (_HERE, address))


@bp.get("/runs/<id>")
def show(id: str) -> str:
    """Only the result; the page polls it during the run."""
    job = _jobs().find(id)
    if job is None:
        abort(404, "This browser has no such run. It may have expired.")
    return render_template("runner/run.html", **_run(job))


@bp.post("/runs/<id>/cancel")
def cancel(id: str) -> Redirect:
    job = _jobs().find(id)
    if job is None:
        abort(404, "This browser has no such run. It may have expired.")
    if not job.about["change"]:
        _jobs().cancel(id)
    return redirect(url_for(_HERE, method=job.about["method"], run=id, _anchor=RESULT), 303)


@bp.get("/runs/<id>/data.json")
def data(id: str) -> Response:
    """The whole answer, without secrets."""
    job = _jobs().find(id)
    items = _jobs().items(id) if job is not None else []
    if not items or items[0]["text"] is None:
        abort(404, "This run has no response to download.")
    response = current_app.response_class(items[0]["text"], mimetype="application/json")
    name = job.about["method"].replace(".", "-") if job is not None else "answer"
    return as_attachment(response, f"{name}.json")


def _check(method: Method, given: Arguments) -> Preview:
    """Let the SDK look at the arguments; what it says stands at the field it is about."""
    for name, most in _MAX.items():
        value = given.values.get(name)
        if value is not None and method.takes(name) and not value <= most:
            given.errors[name] = f"The maximum in the playground is {most} seconds."
    found = preview(method, given.values)
    if found.request is None:
        given.errors.setdefault(found.field or AS_JSON, f"{found.problem}.")
    return found


def _wait_for(id: str) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        job = _jobs().find(id)
        if job is None or job.ended is not None:
            return
        time.sleep(0.03)


def _page(
    method: Method,
    given: Arguments,
    *,
    typed: dict[str, str],
    job: Job | None = None,
    asking: Preview | None = None,
) -> str:
    things = _things()
    as_json = (request.form.get("shown") or request.form.get("as") or request.args.get("as")) == "json"
    groups: dict[str, list[Method]] = {}
    for each in all_methods():
        groups.setdefault(each.group, []).append(each)
    return render_template(
        "runner/index.html",
        method=method,
        groups=groups,
        given=given,
        typed=typed,
        as_json=as_json,
        line=str(method.line(given.values)),
        copied="" if _is_incomplete(method, given) else python_statement(str(method.line(given.values))),
        examples=[
            (example.label, for_address(example.values)) for example in examples_of(method.name, things)
        ],
        ids_missing=has_examples(method.name),
        asking=asking,
        cost=_cost(things, given) if asking else None,
        confirmed=json.dumps(given.values, ensure_ascii=False) if asking else "",
        **_run(job),
        history=_jobs().latest(KIND, _HISTORY),
    )


def _is_incomplete(method: Method, given: Arguments) -> bool:
    return any(part.required and part.name not in given.values for part in method.parameters)


def _typed(method: Method, given: Arguments) -> dict[str, str]:
    """What the fields show for arguments from the address."""
    fields = {f"arg-{part.name}": as_text(part, given.values.get(part.name)) for part in method.fields}
    text = json.dumps(given.values, indent=2, ensure_ascii=False) if given.values else ""
    return {**fields, AS_JSON: request.args.get(AS_JSON, "") if AS_JSON in given.errors else text}


def _address(method: Method, given: Arguments, *, as_json: bool) -> dict[str, str]:
    """The address that leads to the same call: method and arguments, never the key."""
    values = {"method": method.name}
    arguments = for_address(given.values)
    if arguments:
        values[AS_JSON] = arguments
    if as_json:
        values["as"] = "json"
    return values


def _run(job: Job | None) -> dict[str, Any]:
    """What the template of a result needs; of a long answer the page shows the beginning."""
    if job is None:
        return {"run": None}
    items = _jobs().items(job.id)
    text = items[0]["text"] if items else None
    answer = None
    if text is not None:
        short = text[:_SHOWN_CHARACTERS]
        answer = {"text": short, "length": len(text), "cut": len(short) < len(text)}
    problem = job.state.get("problem")
    return {
        "run": job,
        "answer": answer,
        "problem": Problem(**problem) if problem else None,
        "lost": outcome_of_lost_run(job),
    }


def _things() -> ExampleIds:
    """Ids from answers that this browser's log holds; nothing is asked for."""
    browser, parts = current_browser(), current_app_state()
    calls = RequestLog(parts.database, browser.id)
    answers = {}
    for name, (called, arguments) in LISTS.items():
        method = find_method(called)
        asked = preview(method, arguments).request if method else None
        if asked is not None:
            answers[name] = calls.last_answer(asked.path, dict(asked.params), browser.api_target.label)
    return ExampleIds(answers, idle_job=DOCUMENTED_JOB if browser.api_target.is_sandbox else None)


def _cost(things: ExampleIds, given: Arguments) -> Decimal | None:
    """What the chosen offer costs per hour, when the log knows it."""
    offer = things.offer(given.values.get("node_id"))
    return None if offer is None else usd_per_hour(offer)


def _jobs() -> JobStore:
    return JobStore(current_app_state().database, current_browser().id)
