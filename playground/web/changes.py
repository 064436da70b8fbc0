"""Changes at the API from a form: sent once, and answered by a redirect to a page with the outcome.

    class StopForm(ChangeForm):
        score = WholeNumberField(...)

    @bp.post("/sessions/<uuid>/stop")
    def stop(uuid):
        form = StopForm()
        line = SdkCall("services.session", uuid).chain("stop", score=form.score.data)
        return change(form, line, name=uuid, done="Session stopped.", to=("sessions.index", {}))

`change_each` does this for several changes at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from werkzeug.wrappers import Response as Redirect

from octaspace import Client, Error, RentalLedgerError, Response, UnexpectedShapeError

from ..app_state import current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser, current_browser
from ..formatting import duration
from ..sdk.call import SdkCall
from ..sdk.error_card import Problem, describe, log_unexpected_shape
from ..sdk.identified_ledger import IdentifiedLedger
from ..sdk.recording import Call, record_calls
from ..store import CallRow, RequestLog
from .earlier_rentals import EarlierRental
from .form_actions import Target, once, refusal, refused_reason

__all__ = ["change", "change_each"]


def change(
    form: Any,
    line: SdkCall,
    *,
    done: str | Callable[[Response[Any]], str],
    to: Target,
    name: str = "",
    then: Callable[[Response[Any]], Target] | None = None,
    rental_id: str = "",
    check: Callable[[dict[str, Any]], str] | None = None,
    already: str = "",
) -> Redirect:
    """Send a change once and redirect to the page that shows its outcome.

    Args:
        form: The posted `ChangeForm`.
        line: The call.
        done: Message on success; may be made from the answer.
        to: Where to redirect: endpoint and its values.
        name: Name that must be typed in live mode; empty for none.
        then: Where to redirect on success, made from the answer.
        rental_id: The id of the ledger's entry, where the page has shown it; empty for a new one.
        check: Called when the form is accepted, before the change is sent: returns why it must not be sent,
            or an empty text. What it writes into its argument is kept with the outcome, under ``facts``.
        already: Message, followed by the time, for a change that fails with a 404 because this browser has
            made it before; empty if a 404 is always an error.
    """

    def perform() -> dict[str, Any]:
        facts: dict[str, Any] = {}
        refused = refused_reason(form, name) or (check(facts) if check is not None else "")
        if refused:
            return refusal(refused, to)
        known = rental.before_sending() if rental is not None else None
        if known is not None:
            return {**refusal("", to), **known}
        sent = _send(current_browser(), line, done, to, then, rental_id, already)
        return {**sent, "facts": facts}

    def earlier() -> dict[str, Any] | None:
        if rental is None or refused_reason(form, name):
            return None
        return rental.after_loss()

    rental = EarlierRental(current_browser(), rental_id) if rental_id else None
    return once(form.once.data, perform, to, rental_id=rental_id, earlier=earlier)


def change_each(
    form: Any,
    lines: Sequence[tuple[str, SdkCall]],
    *,
    done: str,
    to: Target,
    name: str = "",
    obstacles: Callable[[], Mapping[str, str]] | None = None,
    already: str = "",
) -> Redirect:
    """Send several changes concurrently, each of them once, and redirect to a list of their outcomes.

    Args:
        form: The posted `ChangeForm`.
        lines: Name and call of each change.
        done: Text after the number of successful changes: ``"sessions stopped"``.
        to: Where to redirect: endpoint and its values.
        name: Name that must be typed in live mode; empty for none.
        obstacles: Called when the form is accepted, before anything is sent: returns the names of the changes
            that must not be sent, with the reasons.
        already: As for `change`.
    """

    def perform() -> dict[str, Any]:
        refused = refused_reason(form, name)
        if refused:
            return refusal(refused, to)
        reasons = obstacles() if obstacles is not None else {}
        sendable = [each for each in lines if each[0] not in reasons]
        sent = iter(_send_each(current_browser(), sendable, already))
        each = [
            _not_sent(name, line, reasons[name]) if name in reasons else next(sent) for name, line in lines
        ]
        earlier = sum("already" in result for result in each)
        failed = sum(result["problem"] is not None for result in each)
        not_sent = sum(bool(result["not_sent"]) for result in each)
        text = f"{len(each) - failed - earlier - not_sent} of {len(each)} {done}."
        if earlier:
            text += f" {earlier} {'was' if earlier == 1 else 'were'} already done."
        ok = not failed and not not_sent
        return {
            "ok": ok, "neutral": ok and earlier > 0, "text": text, "problem": None, "each": each,
            "endpoint": to[0], "values": to[1],
        }  # fmt: skip

    return once(form.once.data, perform, to)


def _send(
    browser: Browser,
    line: SdkCall,
    done: str | Callable[[Response[Any]], str],
    to: Target,
    then: Callable[[Response[Any]], Target] | None,
    rental_id: str,
    already: str,
) -> dict[str, Any]:
    state = current_app_state()
    result: dict[str, Any] = {"ok": True, "text": "", "problem": None, "line": line.redacted}
    with state.clients.lease(browser.config) as client:
        bounded = _for_changes(client, browser)
        if rental_id:
            ledger = IdentifiedLedger(browser.rental_ledger, rental_id)
            bounded = bounded.with_options(rental_ledger=ledger)
        calls, response, problem = _try(bounded, line)
    if problem is not None:
        result.update(ok=False, problem=problem.as_json())
    elif response is not None:
        result["text"] = done if isinstance(done, str) else done(response)
    if response is not None and then is not None:
        to = then(response)
    result["endpoint"], result["values"] = to
    result["log_id"] = CallLog.for_current_page(browser).write(calls, line.redacted)
    earlier = _earlier(browser, calls, problem) if already else None
    if earlier is not None:
        text = f"{already} {_ago(earlier)}."
        result.update(ok=True, neutral=True, problem=None, text=text, log_id=earlier.id)
    return result


def _earlier(browser: Browser, calls: Sequence[Call], problem: Problem | None) -> CallRow | None:
    """The call of this browser that has made a change before, so that it fails with a 404 now."""
    if problem is None or problem.status != 404 or not calls:
        return None
    request = calls[-1].request
    log = RequestLog(current_app_state().database, browser.id)
    rows, _ = log.latest(
        1, method=request.method, path=request.path, target=browser.api_target.label, status="ok"
    )
    return rows[0] if rows else None


def _ago(row: CallRow) -> str:
    return f"{duration(max(0.0, time.time() - row.at))} ago"


def _send_each(browser: Browser, lines: Sequence[tuple[str, SdkCall]], already: str) -> list[dict[str, Any]]:
    state, log = current_app_state(), CallLog.for_current_page(browser)
    results = []
    with state.clients.lease(browser.config) as client:
        bounded = _for_changes(client, browser)
        # Not more at a time than there are connections: waiting for one could time out.
        for batch in _batches(lines, browser.config.pool_size):
            running = [state.submit(_try, bounded, line) for _, line in batch]
            for (name, line), future in zip(batch, running, strict=True):
                calls, _, problem = future.result()
                results.append({
                    "name": name, "line": line.redacted, "log_id": log.write(calls, line.redacted),
                    "problem": None if problem is None else problem.as_json(), "not_sent": "",
                })  # fmt: skip
                earlier = _earlier(browser, calls, problem) if already else None
                if earlier is not None:
                    text = f"{already} {_ago(earlier)}"
                    results[-1].update(problem=None, already=text, log_id=earlier.id)
    return results


def _not_sent(name: str, line: SdkCall, reason: str) -> dict[str, Any]:
    return {"name": name, "line": line.redacted, "log_id": None, "problem": None, "not_sent": reason}


def _batches(lines: Sequence[tuple[str, SdkCall]], size: int) -> Iterator[Sequence[tuple[str, SdkCall]]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def _try(client: Client, line: SdkCall) -> tuple[list[Call], Response[Any] | None, Problem | None]:
    with record_calls() as calls:
        try:
            return calls, line.run(client), None
        except UnexpectedShapeError as error:  # raised when the method read the answer
            log_unexpected_shape(line.name, error, calls[-1].request_id if calls else None)
            calls.mark_unreadable(error)
            return calls, None, describe(error)
        except RentalLedgerError as error:  # with an answer: it was rented, and could not be recorded
            return calls, error.response, describe(error)
        except (Error, ValueError) as error:  # a ValueError means invalid arguments
            return calls, None, describe(error)


def _for_changes(client: Client, browser: Browser) -> Client:
    """The client with the browser as the owner of what is rented.

    A change that times out may still take effect, so its limit is longer than that of a read.
    """
    return client.with_options(total_timeout=max(60.0, browser.budget), rental_ledger=browser.rental_ledger)
