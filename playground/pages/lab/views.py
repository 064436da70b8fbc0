"""The failover lab: break the sandbox's endpoints, fire calls, and watch where they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, get_args

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect
from wtforms import BooleanField, FloatField, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional

from ...app_state import current_app_state
from ...browser.state import current_browser
from ...store import Job, JobStore, TooManyJobsError
from ...web.form_actions import RESULT, ChangeForm, WholeNumberField, once
from .faults import GROUPS, SCENARIOS, boxes, flip, play
from .run import (
    KIND,
    MAX_CALLS,
    MAX_THREADS,
    OPTIONS,
    PER_SECOND,
    RENTED_SECONDS,
    SOCKET_OPTIONS,
    CallMix,
    Plan,
    start_lab,
)
from .sandbox_control import ControlError, SandboxControl
from .timeline import draw

bp = Blueprint("lab", __name__, url_prefix="/playground/diagnostics/lab")

_HERE: Final = "lab.index"

#: Calls in the table during the run; all of them afterwards.
_SHOWN: Final = 20

_STRENGTH: Final = ("probability", "count", "seconds", "per_second", "applies_to")

#: The fields of a run, which are parameters of the address.
_PLAN: Final = ("kind", "calls", "threads", "healthy")

_METHODS: Final = {"everything": None, "reads": ["GET"], "changes": ["POST", "PATCH"]}


class SwitchForm(ChangeForm):
    """How often, and to what, a fault applies. Choices are plain strings: every WTForms takes those."""

    probability = FloatField("Probability", default=100, validators=[Optional(), NumberRange(0, 100)])
    count = WholeNumberField("At most", validators=[Optional(), NumberRange(1, 10_000)])
    seconds = FloatField("Delay", validators=[Optional(), NumberRange(0, 60)])
    per_second = WholeNumberField("Rate limit", validators=[Optional(), NumberRange(0, 1000)])
    applies_to = SelectField("Applies to", choices=list(_METHODS), default="everything")  # type: ignore[arg-type]


class FireForm(ChangeForm):
    """What is sent, and the endpoint health that the run begins with."""

    kind = SelectField("Kind", choices=list(get_args(CallMix)))
    count = WholeNumberField("Calls", default=50, validators=[InputRequired(), NumberRange(1, MAX_CALLS)])
    threads = WholeNumberField(
        "Threads", default=8, validators=[InputRequired(), NumberRange(1, MAX_THREADS)]
    )
    healthy = BooleanField("Begin with all endpoints healthy", false_values=("no", "", False))


@bp.get("")
def index() -> str:
    if not current_browser().api_target.is_sandbox:
        return render_template("lab/elsewhere.html")
    jobs = _jobs()
    job = jobs.find(request.args["run"]) if "run" in request.args else next(iter(jobs.latest(KIND)), None)
    return render_template("lab/index.html", **_lab(job))


@bp.post("/switch")
def switch() -> Redirect:
    """Switch one fault on or off, play a scenario, or remove all faults; the button says which."""
    _sandbox_only()
    form = SwitchForm()
    wanted = request.form.get("toggle", "")
    kept = {name: request.form[name] for name in _STRENGTH if request.form.get(name)}
    kept |= {name: request.form[name] for name in ("run", *_PLAN) if name in request.form}
    if wanted.startswith("scenario:"):
        kept["healthy"] = "yes"  # a scenario is seen from its beginning

    def act() -> dict[str, Any]:
        outcome = {"ok": True, "text": "", "problem": None, "endpoint": _HERE, "values": kept}
        if not form.validate():
            return {**outcome, "ok": False, "text": f"No fault was changed. {_problems(form)}"}
        try:
            with SandboxControl(current_app_state().process.control_urls) as control:
                return {**outcome, "text": _switch(control, wanted, form)}
        except ControlError as error:
            return {**outcome, "ok": False, "text": f"The sandbox rejected it: {error}"}

    return once(form.once.data or "", act, (_HERE, kept))


@bp.post("/fire")
def fire() -> Redirect:
    _sandbox_only()
    form = FireForm()
    browser = current_browser()

    def act() -> dict[str, Any]:
        outcome = {"ok": True, "text": "", "problem": None, "endpoint": _HERE, "values": {}}
        if not form.validate():
            return {**outcome, "ok": False, "text": f"Nothing was sent. {_problems(form)}"}
        plan = Plan(form.kind.data, form.count.data or 1, form.threads.data or 1, form.healthy.data)
        try:
            id = start_lab(current_app_state(), browser, plan)
        except TooManyJobsError as error:
            return {**outcome, "ok": False, "text": f"Nothing was sent. {error}"}
        return {**outcome, "values": {"run": id, "_anchor": RESULT, **_address_of(vars(plan))}}

    return once(form.once.data or "", act, (_HERE, {}))


@bp.get("/runs/<id>")
def show(id: str) -> str:
    """Only the lab; the page polls it during a run."""
    return render_template("lab/run.html", **_lab(_job(id)))


@bp.post("/runs/<id>/cancel")
def cancel(id: str) -> Redirect:
    _jobs().cancel(_job(id).id)
    return redirect(url_for(_HERE, run=id, _anchor=RESULT), 303)


def _switch(control: SandboxControl, wanted: str, form: SwitchForm) -> str:
    """Carry out the action of a button; return the notice to show."""
    what, _, name = wanted.partition(":")
    if what == "remove":
        removed = control.remove_all_faults()
        return f"Faults removed: {removed}."
    if what == "scenario":
        scenario = play(control, name)
        return f"{scenario.label}. Expected: {scenario.expect[:1].lower()}{scenario.expect[1:]}"
    if not (what.isascii() and what.isdigit() and len(what) < 6):
        raise ControlError("unknown fault.")
    percent = form.probability.data
    strength = {
        "probability": None if percent is None else percent / 100,
        "count": form.count.data,
        "seconds": form.seconds.data,
        "per_second": form.per_second.data,
        "methods": _METHODS[form.applies_to.data],
    }
    flip(control, int(what), name, strength)
    return ""


def _lab(job: Job | None) -> dict[str, Any]:
    """What the template of the lab needs."""
    endpoints: list[Any] = []
    trouble = ""
    try:
        with SandboxControl(current_app_state().process.control_urls) as control:
            endpoints = boxes(control)
    except ControlError as error:
        trouble = str(error)
    args = request.args
    return {
        "boxes": endpoints,
        "trouble": trouble,
        "letters": {box.url: box.letter for box in endpoints},
        "groups": GROUPS,
        "scenarios": SCENARIOS,
        "strength": {name: args.get(name, "") for name in _STRENGTH},
        "options": OPTIONS,
        "socket_options": SOCKET_OPTIONS,
        "per_second": PER_SECOND,
        "rented_seconds": RENTED_SECONDS,
        "most": {"calls": MAX_CALLS, "threads": MAX_THREADS},
        "job": job,
        "next": _next_plan(job),
        "kept": {name: args[name] for name in _PLAN if name in args},
        **_run(job),
    }


def _next_plan(job: Job | None) -> dict[str, Any]:
    """What the form shows: the plan of the address, or else that of the run, or else the default."""
    args = request.args
    plan = {"kind": "mixed", "count": 50, "threads": 8, "healthy": True} if job is None else job.about["plan"]
    given: dict[str, Any] = {"kind": args.get("kind") if args.get("kind") in get_args(CallMix) else None}
    for name, parameter, most in (("count", "calls", MAX_CALLS), ("threads", "threads", MAX_THREADS)):
        number = args.get(parameter, type=int)
        given[name] = number if number is not None and 1 <= number <= most else None
    given["healthy"] = {"yes": True, "no": False}.get(args.get("healthy", ""))
    return {**plan, **{name: value for name, value in given.items() if value is not None}}


def _address_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """A plan as parameters of an address."""
    return {
        "kind": plan["kind"],
        "calls": str(plan["count"]),
        "threads": str(plan["threads"]),
        "healthy": "yes" if plan["healthy"] else "no",
    }


def _run(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {}
    plan, state = job.about["plan"], job.state
    calls = sorted(_jobs().items(job.id), key=lambda call: call["number"])
    carried = state.get("journal", {}).get("carried", {})
    for call in calls:
        call["carried"] = carried.get(str(call["number"]), 0) if call["create"] else None
    verdicts = Counter(attempt["verdict"] for call in calls for attempt in call["attempts"])
    return {
        "plan": plan,
        "calls": calls if not job.alive else calls[-_SHOWN:],
        "picture": draw(
            calls,
            state.get("cooldowns", []),
            job.about["endpoints"],
            plan["threads"],
            state.get("seconds", 0.0),
        ),
        "sums": {
            "done": len(calls),
            "failed": sum(call["error"] is not None for call in calls),
            "attempts": sum(verdicts.values()),
            "retries": verdicts["retry"],
            "failovers": verdicts["failover"],
            "creates": sum(call["create"] for call in calls),
            "carried": sum(carried.values()),
            "unknown": sum(call["unknown"] for call in calls),
        },
    }


def _problems(form: ChangeForm) -> str:
    return " ".join(
        f"{form[name].label.text}: {' '.join(map(str, texts))}" for name, texts in form.errors.items()
    )


def _sandbox_only() -> None:
    if not current_browser().api_target.is_sandbox:
        abort(403, "The lab injects faults, so it runs in the sandbox only. Select the sandbox in Settings.")


def _job(id: str) -> Job:
    job = _jobs().find(id)
    if job is None or job.kind != KIND:
        abort(404, "This browser has no such run of the lab. It may have expired.")
    return job


def _jobs() -> JobStore:
    return JobStore(current_app_state().database, current_browser().id)
