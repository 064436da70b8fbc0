"""The calls of the smoke suite: every read of the SDK once, and optionally every change.

It needs only a client. Pages run it in the background (`smoke`), `bin/live-check`
in a terminal (`live_check`).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final

import octaspace
from flask_octaspace.calls import ChangeRefusedError
from octaspace import Client, Error, NotFoundError, RentalLedgerError

from ..sdk.error_card import describe
from ..sdk.json_access import get_path
from ..sdk.method_results import Listener, result_of, shape_of
from ..sdk.methods import Method, all_methods, find_method
from ..sdk.read_only import reading_only
from ..sdk.recording import Call, record_calls
from .examples import DOCUMENTED_JOB, LISTS, ExampleIds, examples_of

__all__ = ["RENTED_SECONDS", "SmokeStep", "all_steps", "failed_steps", "plan", "run_steps"]

_STOP: Final = "services.session.stop"

#: Attempts to stop a session at the end that no step has stopped.
_LAST_STOPS: Final = 3

_log: Final = logging.getLogger(__name__)

#: Changes in the order in which they depend on each other: the session that is created is used and stopped.
_CHANGES: Final = (
    "accounts.generate_wallet",
    "nodes.update_prices",
    "nodes.reboot",
    "services.mr.create",
    "services.session.wait_until_ready",
    "services.session.stop",
    "services.vpn.create",
    "services.session.stop",
    "services.render.create",
    "services.session.stop",
    "services.mr.rent",
    "services.mr.rent_any",
    "services.vpn.rent",
    "services.render.rent",
)


#: Seconds after which a reaper stops what the suite has rented, if its process ends before it does.
RENTED_SECONDS: Final = 900

_RECORDED: Final[dict[str, Any]] = {"name": "smoke suite", "max_duration": RENTED_SECONDS}


@dataclass
class _State:
    """Results so far that later steps need.

    Attributes:
        answers: Answers of the lists, by their names in `LISTS`.
        idle_job: Node and job number, or None.
        created: The last session that was created, until it is stopped.
    """

    idle_job: tuple[int, int] | None
    answers: dict[str, Any] = field(default_factory=dict)
    created: str | None = None


@dataclass(frozen=True)
class SmokeStep:
    """A call of the suite.

    Attributes:
        name: Its name, the same in every run: the method, and which call of this method it is.
        method: The method.
        list: Name under which its answer is kept.
        values: Arguments that are known in advance.
        group: Name of the step that creates the session of this one; otherwise as `name`.
    """

    name: str
    method: Method
    list: str = ""
    values: dict[str, Any] | None = None
    group: str = ""

    @property
    def follows(self) -> bool:
        """Whether it uses the session that another step has created."""
        return self.group != self.name


def plan(*, changes: bool) -> list[str]:
    """The methods that the suite calls, in order."""
    return [step.method.name for step in all_steps(changes=changes)]


def failed_steps(items: Iterable[dict[str, Any]], *, changes: bool) -> list[SmokeStep]:
    """The steps of a run that failed, with the same arguments.

    With a step that uses a session, the steps that create and stop it are part of them.

    Args:
        items: The results of the run, as of `run_steps`.
        changes: Whether changes may be among them.
    """
    results = {item["step"]: item for item in items}
    steps = all_steps(changes=changes)
    groups = {step.group for step in steps if results.get(step.name, {}).get("state") == "failed"}
    return [
        step if step.follows else replace(step, values=results.get(step.name, {}).get("arguments"))
        for step in steps
        if step.group in groups
    ]


def run_steps(
    client: Client,
    listener: Listener,
    *,
    changes: bool,
    idle_job: tuple[int, int] | None,
    steps: Sequence[SmokeStep] | None = None,
) -> Generator[tuple[dict[str, Any], list[Call]], None, None]:
    """Make the calls, one after the other. However it ends, the session that was created is stopped.

    Args:
        client: Makes the calls. It has a `CallRecorder`, and refuses changes, at least inside `reading_only`.
        listener: Receives the progress of a call; calls that it cancels are skipped.
        changes: Whether changes are made as well; otherwise none is sent.
        idle_job: Node and job number, which no call of the API lists.
        steps: The calls to make; all of them by default.

    Yields:
        The result of each call, and its recorded requests. A result has: step, method, line, arguments,
        change, state (``passed``, ``failed``, ``skipped``), message, data (its shape), took, status,
        attempts, endpoint, request_id.
    """
    state = _State(idle_job=idle_job)
    try:
        for step in all_steps(changes=changes) if steps is None else steps:
            if listener.cancelled and not (state.created and step.method.name == _STOP):
                yield _skipped(step, "the run was cancelled"), []
            else:
                yield _make(step, state, client, listener, changes=changes)
    finally:
        if state.created:
            _stop(client, state.created)


def all_steps(*, changes: bool) -> list[SmokeStep]:
    """The calls of the suite, in order."""
    calls: Counter[str] = Counter()
    steps: list[SmokeStep] = []

    def add(method: Method, *, follows: bool = False, **more: Any) -> None:
        calls[method.name] += 1
        count = calls[method.name]
        name = method.name if count == 1 else f"{method.name}/{count}"
        steps.append(SmokeStep(name, method, group=steps[-1].group if follows else name, **more))

    for name, (called, arguments) in LISTS.items():
        add(_method(called), list=name, values=arguments)
    listed = {called for called, _ in LISTS.values()}
    for method in all_methods():
        if method.name not in listed and not method.change:
            add(method)
    for name in _CHANGES if changes else ():
        add(_method(name), follows=name.startswith("services.session."))
    return steps


def _stop(client: Client, uuid: str) -> None:
    """Stop a session whose own step failed or was not reached."""
    error: Error | None = None
    for _ in range(_LAST_STOPS):
        try:
            client.services.session(uuid).stop()
        except NotFoundError:
            return
        except Error as failure:
            error = failure
        else:
            return
    _log.error("The session %s of the smoke suite could not be stopped: %s", uuid, error)


def _method(name: str) -> Method:
    method = find_method(name)
    if method is None:
        raise LookupError(f"the SDK has no method {name}")
    return method


def _make(
    step: SmokeStep, state: _State, client: Client, listener: Listener, *, changes: bool
) -> tuple[dict[str, Any], list[Call]]:
    """Make the call of a step; return its result and its recorded requests."""
    method = step.method
    values = _values(step, state)
    if isinstance(values, str):
        return _skipped(step, values), []
    if method.takes("max_duration") and client.rental_ledger is not None:
        values = {**values, **_RECORDED}
    line = method.line(values)
    item: dict[str, Any] = {
        "step": step.name, "method": method.name, "line": line.redacted, "arguments": values,
        "change": method.change, "state": "passed", "message": "", "data": None,
    }  # fmt: skip
    began = time.monotonic()
    with record_calls() as calls, nullcontext() if changes else reading_only():
        try:
            data, _ = result_of(method, values, client, listener, change=method.change)
            _keep(step, state, data)
            item.update(message=_unreadable(method, data), data=shape_of(data))
        except NotFoundError as error:
            item["message"] = describe(error).message
            if method.group == "idle_jobs" and state.idle_job == DOCUMENTED_JOB:
                item["state"] = "skipped"
                item["message"] = "the API has no such job: it is the example of its documentation"
        except (Error, ValueError, TypeError, ChangeRefusedError) as error:
            if listener.cancelled and not method.change:
                return _skipped(step, "the run was cancelled"), calls
            if isinstance(error, RentalLedgerError) and error.response is not None:
                _keep(step, state, error.response.data)  # rented, and not recorded
            item["message"] = f"{type(error).__name__}: {error}"
    item["took"] = time.monotonic() - began
    if item["message"] and item["state"] == "passed":
        item["state"] = "failed"
    last = calls[-1] if calls else None
    item.update(
        status=last.status if last else None,
        attempts=sum(len(call.attempts) for call in calls),
        endpoint=last.endpoint if last else None,
        request_id=last.request_id if last else None,
    )
    return item, calls


def _values(step: SmokeStep, state: _State) -> dict[str, Any] | str:
    """The arguments of a step, or the reason to skip it."""
    if step.values is not None:
        return step.values
    if step.follows:
        if state.created is None:
            return "no session was created for it"
        more = {"timeout": 60, "interval": 0.5} if step.method.takes("timeout") else {}
        return {"uuid": state.created, **more}
    things = ExampleIds(state.answers, idle_job=state.idle_job)
    if step.method.name == "nodes.update_prices":
        # The current price: a real call that leaves the price as it is.
        nodes = state.answers.get("nodes") or []
        found = (get_path(node, "prices.base") for node in nodes if get_path(node, "id") == things.node)
        price = next(found, None)
        if things.node is None or price is None:
            return "the account has no node with a price"
        return {"id": things.node, "prices": {"base": price}}
    examples = examples_of(step.method.name, things)
    if examples:
        return examples[0].values
    if step.method.group == "idle_jobs":
        return "needs the number of an idle job, and no call lists them"
    if any(part.required for part in step.method.parameters):
        return "needs an id, and the lists contain none"
    return {}


def _keep(step: SmokeStep, state: _State, data: Any) -> None:
    if step.list:
        state.answers[step.list] = data
    if step.method.name.endswith(".create"):
        first = data[0] if isinstance(data, list) and data else data
        state.created = get_path(first, "uuid")
    elif step.method.name == _STOP:
        state.created = None


def _unreadable(method: Method, data: Any) -> str:
    """Why an answer cannot be parsed with the type of the SDK for it; empty if it can."""
    name = {"NodeDetail": "Node"}.get(method.payload, method.payload)
    kind = getattr(octaspace.types, name, None)
    if kind is None or not hasattr(kind, "from_api"):
        return ""
    if method.many and not isinstance(data, list):
        return f"expected a list, got {type(data).__name__}"
    try:
        for item in data if method.many else [data]:
            kind.from_api(item)
    except octaspace.UnexpectedShapeError as error:
        return f"{type(error).__name__}: not an octaspace.types.{name}: {error}"
    return ""


def _skipped(step: SmokeStep, reason: str) -> dict[str, Any]:
    return {
        "step": step.name, "method": step.method.name, "line": f"client.{step.method.name}(…)",
        "arguments": None, "change": step.method.change, "state": "skipped", "message": reason, "data": None,
        "took": None, "status": None, "attempts": 0, "endpoint": None, "request_id": None,
    }  # fmt: skip
