"""The smoke suite: every read of the SDK once, and in the sandbox every change if a person wants it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import octaspace
from octaspace import Client, Error, NotFoundError

from .background import Progress, begin
from .browser import Browser
from .caution import ChangeStoppedError, reading_only
from .examples import LISTS, Things, examples_of
from .methods import Method, all_methods, find_method
from .parts import Parts
from .problems import describe
from .reading import dig
from .recording import Call, recorded
from .runs import result_of
from .store import Calls, Limits

__all__ = ["KIND", "plan", "start_smoke"]

KIND: Final = "smoke"

_LIMITS: Final = Limits(mine=1, all=4, rate=6)

#: Changes in the order in which they make sense; what is created is used and stopped.
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
    "services.vpn.rent",
    "services.render.rent",
)


@dataclass
class _State:
    """What is known so far.

    Attributes:
        answers: Of the lists, by their names in `LISTS`.
        created: The session made last, until it is stopped.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    created: str | None = None


@dataclass(frozen=True)
class _Step:
    """A call of the suite.

    Attributes:
        method: What is called.
        list: Name of the list its answer is kept as.
        values: Arguments, where they are known beforehand.
        follows: Whether it is about the session that the suite has created.
    """

    method: Method
    list: str = ""
    values: dict[str, Any] | None = None
    follows: bool = False


def plan(*, changes: bool) -> list[str]:
    """The methods that the suite calls, in its order."""
    return [step.method.name for step in _steps(changes=changes)]


def start_smoke(parts: Parts, browser: Browser, *, changes: bool) -> str:
    """Begin the suite for a browser.

    Args:
        parts: The app's parts.
        browser: Who asks, and with which settings.
        changes: Whether changes are made as well; the caller sees to it that only a sandbox gets them.

    Returns:
        Id of the job. Its items are the calls: method, line, state (``passed``, ``failed``, ``skipped``),
        message, took, status, attempts, request_id, log_id.

    Raises:
        playground.store.BusyError: One is under way.
    """
    source, config, id, budget = browser.source, browser.config, browser.id, browser.budget
    about = {
        "changes": changes,
        "source": source.label,
        "endpoints": list(source.endpoints),
        "plan": plan(changes=changes),
    }

    def work(progress: Progress) -> None:
        calls_log = Calls(parts.database, id)
        with parts.clients.lease(config) as client, nullcontext() if changes else reading_only():
            bounded = client.with_options(total_timeout=budget)
            state = _State()
            for step in _steps(changes=changes):
                if progress.cancelled:
                    progress.tell(_skipped(step, "the suite was cancelled"))
                    continue
                item, calls = _make(step, state, bounded, progress, sandbox=source.is_sandbox)
                rows = [call.row(source=source.label, page="smoke.run", line=item["line"]) for call in calls]
                numbers = calls_log.append(rows)
                progress.tell({**item, "log_id": numbers[-1] if numbers else None}, at_once=True)

    return begin(parts.database, id, KIND, about, _LIMITS, work)


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
    step: _Step, state: _State, client: Client, progress: Progress, *, sandbox: bool
) -> tuple[dict[str, Any], list[Call]]:
    """Make the call of a step; what came of it, and the calls behind it."""
    method = step.method
    values = _values(step, state, sandbox=sandbox)
    if isinstance(values, str):
        return _skipped(step, values), []
    line = method.line(values)
    item: dict[str, Any] = {
        "method": method.name, "line": line.kept, "change": method.change, "state": "passed", "message": "",
    }  # fmt: skip
    began = time.monotonic()
    with recorded() as calls:
        try:
            data, _ = result_of(method, line, client, progress)
            _keep(step, state, data)
            item["message"] = _unreadable(method, data)
        except NotFoundError as error:
            item["message"] = describe(error).message
            if method.group == "idle_jobs":  # no list tells which jobs there are
                item["state"] = "skipped"
                item["message"] = "the job of the documentation's example is not there"
        except (Error, ValueError, TypeError, ChangeStoppedError) as error:
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


def _values(step: _Step, state: _State, *, sandbox: bool) -> dict[str, Any] | str:
    """The arguments of a step, or why it is skipped."""
    if step.values is not None:
        return step.values
    if step.follows:
        if state.created is None:
            return "no session was created"
        more = {"timeout": 60, "interval": 0.5} if step.method.takes("timeout") else {}
        return {"uuid": state.created, **more}
    things = Things(state.answers, sandbox=sandbox)
    if step.method.name == "nodes.update_prices":
        # The price it has: the call is made in earnest, and nothing is different afterwards.
        nodes = state.answers.get("nodes") or []
        price = next((dig(node, "prices.base") for node in nodes if dig(node, "id") == things.node), None)
        if things.node is None or price is None:
            return "there is no node with a price"
        return {"id": things.node, "prices": {"base": price}}
    examples = examples_of(step.method.name, things)
    if examples:
        return examples[0].values
    if any(part.required for part in step.method.parameters):
        return "the lists name nothing to try it with"
    return {}


def _keep(step: _Step, state: _State, data: Any) -> None:
    if step.list:
        state.answers[step.list] = data
    if step.method.name.endswith(".create"):
        first = data[0] if isinstance(data, list) and data else data
        state.created = dig(first, "uuid")
    elif step.method.name == "services.session.stop":
        state.created = None


def _unreadable(method: Method, data: Any) -> str:
    """Why an answer cannot be read as the type the SDK has for it; empty when it can."""
    name = {"NodeDetail": "Node"}.get(method.payload, method.payload)
    kind = getattr(octaspace.types, name, None)
    if kind is None or not hasattr(kind, "from_api"):
        return ""
    if method.many and not isinstance(data, list):
        return f"a list was expected, and {type(data).__name__} came"
    try:
        for item in data if method.many else [data]:
            kind.from_api(item)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"it cannot be read as octaspace.types.{name}: {error}"
    return ""


def _skipped(step: _Step, reason: str) -> dict[str, Any]:
    return {
        "method": step.method.name, "line": f"client.{step.method.name}(…)", "change": step.method.change,
        "state": "skipped", "message": reason, "took": None, "status": None, "attempts": 0,
        "request_id": None, "log_id": None,
    }  # fmt: skip
