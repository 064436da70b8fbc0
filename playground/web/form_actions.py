"""Forms that act once, even when they are submitted again, and that are answered by a redirect.

The page after the redirect shows the outcome; a second submission, a reload or Back shows the same outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from flask import abort, redirect, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from werkzeug.wrappers import Response as Redirect
from wtforms import HiddenField, IntegerField, StringField

from ..app_state import current_app_state
from ..browser.state import current_browser
from ..store import OneTimeTokens, StoreError
from .form_tokens import FORGOTTEN, MAY_HAVE_BEEN_SENT, may_have_been_sent, new_token, stale_form_reason
from .lost_outcomes import SESSIONS, outcome_of_lost
from .responses import MAX_ADDRESS

__all__ = [
    "OUTCOME",
    "RESULT",
    "ChangeForm",
    "Target",
    "WholeNumberField",
    "address_of",
    "new_token",
    "once",
    "outcome",
    "refusal",
    "refused_reason",
    "result_of",
    "stale_form_reason",
]  # fmt: skip

#: The query parameter with the token whose result is shown. It contains no text of the page.
OUTCOME: Final = "done"

#: Id of the heading of a result: ``_anchor`` among the values of a `Target`, so that the browser goes there.
RESULT: Final = "result"

#: A Flask endpoint and its values; the values may come from the answer.
Target = tuple[str, dict[str, Any]]

#: Seconds a second submission waits for the outcome of the first: its thread is not free for other requests.
_AWAIT_SECONDS: Final = 1.0

_UNDER_WAY: Final = (
    "The request is under way, and its outcome is not known yet. Check before you send it again."
)


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
        typed_name: Name of the changed object; required when the target is the live API.
    """

    once = HiddenField(default=new_token)
    typed_name = StringField("Type the name to confirm")


def once(
    token: str,
    action: Callable[[], dict[str, Any]],
    to: Target,
    *,
    rental_id: str = "",
    earlier: Callable[[], dict[str, Any] | None] | None = None,
) -> Redirect:
    """Run an action for a token that was not used before; for a used token, show the outcome.

    While the first use is under way, a second one leads to a page that waits for the outcome.

    Args:
        token: The form's token.
        action: Performs the change and returns the outcome: ``ok``, ``text``, ``problem``, ``endpoint``,
            ``values``.
        to: Where to redirect when the outcome is lost.
        rental_id: If the action rents: the id of the entry in the rental ledger, which tells whether the
            rental was made if this process ends.
        earlier: Finds the outcome of an earlier use that the store may have forgotten; None without one.
            Nothing is sent then in either case.
    """
    tokens = OneTimeTokens(current_app_state().database, current_browser().id)
    token = token[:64] or new_token()
    back = url_for(to[0], **{**to[1], OUTCOME: token})
    if len(back) > MAX_ADDRESS:
        abort(422, f"Nothing was sent: the input is too long for a URL ({len(back)} characters).")
    try:
        claimed = tokens.claim(token, {"to": to, "rental_id": rental_id})
        lost = claimed and may_have_been_sent(token)
    except StoreError as error:
        error.nothing_done = True
        raise
    if claimed:
        try:
            if lost:
                found = earlier() if earlier is not None else None
                result = {**refusal(MAY_HAVE_BEEN_SENT, to), **(found or {})}
            else:
                with tokens.renewing(token):
                    result = action()
        except BaseException:
            tokens.finish(token, refusal("An internal error occurred. Check before you send it again.", to))
            raise
        _keep(tokens, token, result)
    else:
        result = {"endpoint": to[0], "values": to[1], **_awaited(token)}
    address = address_of(result, token)
    # Values from the answer may make the URL too long.
    return redirect(address if len(address) <= MAX_ADDRESS else back, 303)


def _keep(tokens: OneTimeTokens, token: str, result: dict[str, Any]) -> None:
    """Save the outcome for the page that shows it; without the store, the error page has its text."""
    try:
        tokens.finish(token, result)
    except StoreError as error:
        problem = result["problem"]  # also of a rental that was made, and could not be recorded
        text = result["text"] if problem is None else f"{problem['message']} {problem['advice']}"
        raise StoreError(str(error), f"Its outcome could not be kept: {text} {error.advice}") from error


def address_of(result: dict[str, Any], token: str) -> str:
    """The address of the page that shows an outcome, or that waits for it."""
    if result.get("pending"):
        return url_for("outcome.show", token=token)
    return url_for(result["endpoint"], **{**result["values"], OUTCOME: token})


def outcome() -> dict[str, Any] | None:
    """The outcome of the change that led to this page, for the base template; None without one."""
    token = request.args.get(OUTCOME)
    return result_of(token) if token else None


def result_of(token: str) -> dict[str, Any] | None:
    """The outcome of a token's first use; None when unused.

    Of a token that the store may have forgotten, it says that.

    With ``pending`` it is not known yet: the action is under way, or its process has ended, and it will be
    known later whether its rental was made.
    """
    tokens = OneTimeTokens(current_app_state().database, current_browser().id)
    use = tokens.find(token)
    if use is None:
        forgotten = refusal(FORGOTTEN, ("sessions.index", {}))
        return {**forgotten, "look": SESSIONS} if may_have_been_sent(token) else None
    if use.result is not None:
        return use.result
    if not use.lost:
        endpoint, values = use.about["to"]
        look = {"endpoint": "outcome.show", "values": {"token": token}, "label": "Show the outcome"}
        return {
            "ok": False, "pending": True, "text": _UNDER_WAY, "problem": None, "look": look,
            "endpoint": endpoint, "values": values,
        }  # fmt: skip
    result, is_final = outcome_of_lost(
        use.about, stale_form_reason(token), forgetful=may_have_been_sent(token)
    )
    if is_final:
        tokens.finish(token, result)
    return result


def _awaited(token: str) -> dict[str, Any]:
    """The outcome of the first use, after a moment if it is under way."""
    end = time.monotonic() + _AWAIT_SECONDS
    while (result := result_of(token) or {}).get("pending") and time.monotonic() < end:
        time.sleep(0.1)
    return result


def refused_reason(form: Any, name: str) -> str:
    """Why the form is refused; empty when it is accepted."""
    if not form.validate():
        fields = ", ".join(f"{field}: {' '.join(map(str, texts))}" for field, texts in form.errors.items())
        return f"Nothing was sent. {fields}"
    stale = stale_form_reason(form.once.data)
    if stale:
        return stale
    if current_browser().api_target.is_live and name and (form.typed_name.data or "").strip() != name:
        return "Nothing was sent: the text typed to confirm does not match."
    return ""


def refusal(text: str, to: Target) -> dict[str, Any]:
    """The outcome of a form that was not carried out."""
    return {"ok": False, "text": text, "problem": None, "endpoint": to[0], "values": to[1]}
