"""Changes: sent once, however often the button is pressed, and answered by a redirect.

    class StopForm(ChangeForm):
        score = WholeNumberField(...)

    @bp.post("/sessions/<uuid>/stop")
    def stop(uuid):
        form = StopForm()
        line = Line("services.session", uuid).then("stop", score=form.score.data)
        return change(form, line, name=uuid, done="Session stopped.", to=("sessions.index", {}))

The page behind the redirect shows what came of it; a second press, a reload or Back shows the same.
`change_each` does so for several at a time.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from flask import abort, redirect, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from werkzeug.wrappers import Response as Redirect
from wtforms import HiddenField, IntegerField, StringField

from octaspace import Client, Error, Response, UnexpectedShapeError

from ..app_state import current_app_state
from ..browser.call_log import CallLog
from ..browser.state import Browser, current_browser
from ..sdk.call import SdkCall
from ..sdk.error_card import Problem, describe, log_unexpected_shape
from ..sdk.recording import Call, recorded
from ..store import OneTimeTokens
from .responses import MAX_ADDRESS

__all__ = [
    "OUTCOME",
    "ChangeForm",
    "Target",
    "WholeNumberField",
    "change",
    "change_each",
    "new_token",
    "once",
    "outcome",
    "result_of",
    "stale_form_reason",
]  # fmt: skip

#: The query parameter that names a token whose result is to be shown. It holds no text to show.
OUTCOME: Final = "done"

#: Endpoint of ours and its values; the endpoint's values may come from the answer.
Target = tuple[str, dict[str, Any]]

#: How long a second press waits for what came of the first.
_AWAIT_SECONDS: Final = 10.0

_UNDER_WAY: Final = (
    "It was sent, and what came of it is not known yet. Load this page again to see; "
    "look before you send it again."
)


def new_token() -> str:
    """A token for a form; it also says for which source and key the form was made."""
    return f"{secrets.token_urlsafe(12)}.{current_browser().target_mark}"


def stale_form_reason(token: str | None) -> str:
    """Why a form must not act here: its page was made for another source. Empty when it may.

    A tab may stay open while another one switches, or until the browser's state expires; what was meant
    for the sandbox must not be done in the live API.
    """
    mark = (token or "").partition(".")[2]
    if not mark or mark == current_browser().target_mark:
        return ""
    label = current_browser().api_target.label
    return f"Nothing was sent: the page was made for another API or key. This browser speaks to {label} now."


class WholeNumberField(IntegerField):
    """A whole number of at most 18 digits: `NumberRange` fails on one that is too large for a float."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist and len(valuelist[0].strip()) > 18:
            raise ValueError(self.gettext("Not a valid integer value."))
        super().process_formdata(valuelist)


class ChangeForm(FlaskForm):  # type: ignore[misc]
    """A form that changes something: CSRF token, one-time token, and the name typed in live mode.

    Attributes:
        once: The one-time token.
        typed_name: Name of what is changed; asked for when the live API is spoken to.
    """

    once = HiddenField(default=new_token)
    typed_name = StringField("Type the name to confirm")


def change(
    form: Any,
    line: SdkCall,
    *,
    done: str | Callable[[Response[Any]], str],
    to: Target,
    name: str = "",
    then: Callable[[Response[Any]], Target] | None = None,
) -> Redirect:
    """Send a change once and redirect to where its outcome is shown.

    Args:
        form: The posted `ChangeForm`.
        line: The call.
        done: What to say when it worked; may be made from the answer.
        to: Where to go: endpoint and its values.
        name: What must be typed in live mode; empty for nothing.
        then: Where to go when it worked, made from the answer.
    """

    def act() -> dict[str, Any]:
        refused = _refused(form, name)
        if refused:
            return _refusal(refused, to)
        return _send(current_browser(), line, done, to, then)

    return once(form.once.data, act, to)


def change_each(
    form: Any, lines: Sequence[tuple[str, SdkCall]], *, done: str, to: Target, name: str = ""
) -> Redirect:
    """Send several changes at the same time, each of them once, and redirect to a list of what came of them.

    Args:
        form: The posted `ChangeForm`.
        lines: What each of them is called, and its call.
        done: What to say after the number of those that worked: ``"sessions stopped"``.
        to: Where to go: endpoint and its values.
        name: What must be typed in live mode; empty for nothing.
    """

    def act() -> dict[str, Any]:
        refused = _refused(form, name)
        if refused:
            return _refusal(refused, to)
        each = _send_each(current_browser(), lines)
        worked = sum(result["problem"] is None for result in each)
        text = f"{worked} of {len(each)} {done}."
        return {
            "ok": worked == len(each), "text": text, "problem": None, "each": each,
            "endpoint": to[0], "values": to[1],
        }  # fmt: skip

    return once(form.once.data, act, to)


def once(token: str, act: Callable[[], dict[str, Any]], to: Target) -> Redirect:
    """Do something for a token that was not used before; for a used one, show what came of it.

    Args:
        token: The form's token.
        act: Does it and returns the outcome: ``ok``, ``text``, ``problem``, ``endpoint``, ``values``.
        to: Where to go when the first use is under way for so long that waiting for it ends.
    """
    tokens = OneTimeTokens(current_app_state().database, current_browser().id)
    token = token[:64] or new_token()
    back = url_for(to[0], **{**to[1], OUTCOME: token})
    if len(back) > MAX_ADDRESS:
        abort(422, f"Nothing was sent: what was typed is too long for an address ({len(back)} characters).")
    if tokens.claim(token):
        try:
            result = act()
        except BaseException:
            tokens.finish(
                token, _refusal("It failed inside the playground; look before you send it again.", to)
            )
            raise
        tokens.finish(token, result)
    else:
        result = {"endpoint": to[0], "values": to[1], **(_awaited(tokens, token) or {})}
    address = url_for(result["endpoint"], **{**result["values"], OUTCOME: token})
    # What the answer names may be too long to be asked for.
    return redirect(address if len(address) <= MAX_ADDRESS else back, 303)


def outcome() -> dict[str, Any] | None:
    """What came of the change that led to this page, for the base template; None when none did."""
    token = request.args.get(OUTCOME)
    return result_of(token) if token else None


def result_of(token: str) -> dict[str, Any] | None:
    """What came of a token's first use; None when it was not used. Under way, it has no ``endpoint`` yet."""
    tokens = OneTimeTokens(current_app_state().database, current_browser().id)
    result = tokens.result(token)
    if result is None and tokens.is_claimed(token):
        return {"ok": False, "text": _UNDER_WAY, "problem": None}
    return result


def _awaited(tokens: OneTimeTokens, token: str) -> dict[str, Any] | None:
    """What came of the first use, which may be under way; None when that takes too long, or is lost."""
    end = time.monotonic() + _AWAIT_SECONDS
    while (result := tokens.result(token)) is None and not tokens.is_lost(token) and time.monotonic() < end:
        time.sleep(0.1)
    return result


def _refused(form: Any, name: str) -> str:
    """Why nothing may be sent; empty when it may."""
    if not form.validate():
        fields = ", ".join(f"{field}: {' '.join(map(str, texts))}" for field, texts in form.errors.items())
        return f"Nothing was sent. {fields}"
    elsewhere = stale_form_reason(form.once.data)
    if elsewhere:
        return elsewhere
    if current_browser().api_target.is_live and name and (form.typed_name.data or "").strip() != name:
        return "Nothing was sent: the name typed does not match."
    return ""


def _refusal(text: str, to: Target) -> dict[str, Any]:
    return {"ok": False, "text": text, "problem": None, "endpoint": to[0], "values": to[1]}


def _send(
    browser: Browser,
    line: SdkCall,
    done: str | Callable[[Response[Any]], str],
    to: Target,
    then: Callable[[Response[Any]], Target] | None,
) -> dict[str, Any]:
    parts = current_app_state()
    result: dict[str, Any] = {"ok": True, "text": "", "problem": None, "line": line.redacted}
    with parts.clients.lease(browser.config) as client:
        calls, response, problem = _try(client.with_options(total_timeout=_change_seconds(browser)), line)
    if problem is not None:
        result.update(ok=False, problem=problem.as_json())
    elif response is not None:
        result["text"] = done if isinstance(done, str) else done(response)
        to = to if then is None else then(response)
    result["endpoint"], result["values"] = to
    result["log_id"] = CallLog.of_page(browser).write(calls, line.redacted)
    return result


def _send_each(browser: Browser, lines: Sequence[tuple[str, SdkCall]]) -> list[dict[str, Any]]:
    parts, log = current_app_state(), CallLog.of_page(browser)
    results = []
    with parts.clients.lease(browser.config) as client:
        bounded = client.with_options(total_timeout=_change_seconds(browser))
        # No more at a time than there are connections: waiting for one could end in a failure.
        for some in _portions(lines, browser.config.pool_size):
            running = [parts.submit(_try, bounded, line) for _, line in some]
            for (name, line), future in zip(some, running, strict=True):
                calls, _, problem = future.result()
                results.append({
                    "name": name, "line": line.redacted, "log_id": log.write(calls, line.redacted),
                    "problem": None if problem is None else problem.as_json(),
                })  # fmt: skip
    return results


def _portions(lines: Sequence[tuple[str, SdkCall]], size: int) -> Iterator[Sequence[tuple[str, SdkCall]]]:
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def _try(client: Client, line: SdkCall) -> tuple[list[Call], Response[Any] | None, Problem | None]:
    with recorded() as calls:
        try:
            return calls, line.run(client), None
        except UnexpectedShapeError as error:  # of an answer that the method has read
            log_unexpected_shape(line.name, error, calls[-1].request_id if calls else None)
            return calls, None, describe(error)
        except (Error, ValueError) as error:  # a ValueError is about the arguments
            return calls, None, describe(error)


def _change_seconds(browser: Browser) -> float:
    # A change given up on may have been carried out all the same, so it is given longer than a read.
    return max(60.0, browser.budget)
