"""The calls of the smoke suite: every read of the SDK once, and optionally every change.

It needs only a client. Pages run it in the background (`smoke`), `bin/live-check`
in a terminal (`live_check`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import octaspace
from flask_octaspace.calls import ChangeRefusedError
from octaspace import Client, Error, NotFoundError

from ..sdk.error_card import describe
from ..sdk.json_access import get_path
from ..sdk.method_results import Listener, result_of, shape_of
from ..sdk.methods import Method, all_methods, find_method
from ..sdk.read_only import reading_only
from ..sdk.recording import Call, record_calls
from .examples import DOCUMENTED_JOB, LISTS, ExampleIds, examples_of

__all__ = ["plan", "run_steps"]

_STOP: Final = "services.session.stop"

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


#: What is rented is recorded, so that a reaper stops it if the process of the suite ends.
_RECORDED: Final[dict[str, Any]] = {"name": "smoke suite", "max_duration": 900}


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
class _Step:
    """A call of the suite.

    Attributes:
        method: The method.
        list: Name under which its answer is kept.
        values: Arguments that are known in advance.
        follows: Whether it uses the session that the suite has created.
    """

    method: Method
    list: str = ""
    values: dict[str, Any] | None = None
    follows: bool = False


def plan(*, changes: bool) -> list[str]:
    """The methods that the suite calls, in order."""
    return [step.method.name for step in _steps(changes=changes)]


def run_steps(
    client: Client, listener: Listener, *, changes: bool, idle_job: tuple[int, int] | None
) -> Iterator[tuple[dict[str, Any], list[Call]]]:
    """Make the calls, one after the other.

    Args:
        client: Makes the calls. It has a `CallRecorder`, and refuses changes, at least inside `reading_only`.
        listener: Receives the progress of a call; calls that it cancels are skipped.
        changes: Whether changes are made as well; otherwise none is sent.
        idle_job: Node and job number, which no call of the API lists.

    Yields:
        The result of each call, and its recorded requests. A result has: method, line,
        change, state (``passed``, ``failed``, ``skipped``), message, data (its shape), took, status,
        attempts, request_id.
    """
    state = _State(idle_job=idle_job)
    for step in _steps(changes=changes):
        # The session that was created is stopped in any case.
        if listener.cancelled and not (state.created and step.method.name == _STOP):
            yield _skipped(step, "the suite was cancelled"), []
        else:
            yield _make(step, state, client, listener, changes=changes)


def _steps(*, changes: bool) -> Iterator[_Step]:
    listed = set()
    for name, (called, arguments) in LISTS.items():
        method = _method(called)
        listed.add(called)
        yield _Step(method, list=name, values=arguments)
    for method in all_methods():
        if method.name not in listed and not method.change:
            yield _Step(method)
    if changes:
        for name in _CHANGES:
            yield _Step(_method(name), follows=name.startswith("services.session."))


def _method(name: str) -> Method:
    method = find_method(name)
    if method is None:
        raise LookupError(f"the SDK has no method {name}")
    return method


def _make(
    step: _Step, state: _State, client: Client, listener: Listener, *, changes: bool
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
        "method": method.name, "line": line.redacted, "change": method.change, "state": "passed",
        "message": "", "data": None,
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
                item["message"] = "the job of the documentation's example is not there"
        except (Error, ValueError, TypeError, ChangeRefusedError) as error:
            if listener.cancelled and not method.change:
                return _skipped(step, "the suite was cancelled"), calls
            item["message"] = f"{type(error).__name__}: {error}"
    item["took"] = time.monotonic() - began
    if item["message"] and item["state"] == "passed":
        item["state"] = "failed"
    last = calls[-1] if calls else None
    item.update(
        status=last.status if last else None,
        attempts=sum(len(call.attempts) for call in calls),
        request_id=last.request_id if last else None,
    )
    return item, calls


def _values(step: _Step, state: _State) -> dict[str, Any] | str:
    """The arguments of a step, or the reason to skip it."""
    if step.values is not None:
        return step.values
    if step.follows:
        if state.created is None:
            return "no session was created"
        more = {"timeout": 60, "interval": 0.5} if step.method.takes("timeout") else {}
        return {"uuid": state.created, **more}
    things = ExampleIds(state.answers, idle_job=state.idle_job)
    if step.method.name == "nodes.update_prices":
        # The current price: a real call that leaves the price as it is.
        nodes = state.answers.get("nodes") or []
        found = (get_path(node, "prices.base") for node in nodes if get_path(node, "id") == things.node)
        price = next(found, None)
        if things.node is None or price is None:
            return "there is no node with a price"
        return {"id": things.node, "prices": {"base": price}}
    examples = examples_of(step.method.name, things)
    if examples:
        return examples[0].values
    if step.method.group == "idle_jobs":
        return "no call of the API lists idle jobs"
    if any(part.required for part in step.method.parameters):
        return "the lists name nothing to try it with"
    return {}


def _keep(step: _Step, state: _State, data: Any) -> None:
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
        return f"a list was expected, and {type(data).__name__} came"
    try:
        for item in data if method.many else [data]:
            kind.from_api(item)
    except octaspace.UnexpectedShapeError as error:
        return f"{type(error).__name__}: it cannot be read as octaspace.types.{name}: {error}"
    return ""


def _skipped(step: _Step, reason: str) -> dict[str, Any]:
    return {
        "method": step.method.name, "line": f"client.{step.method.name}(…)", "change": step.method.change,
        "state": "skipped", "message": reason, "data": None, "took": None, "status": None, "attempts": 0,
        "request_id": None,
    }  # fmt: skip
