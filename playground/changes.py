"""Changes: sent once, however often the button is pressed, and answered by a redirect.

    class StopForm(ChangeForm):
        score = IntegerField(...)

    @bp.post("/sessions/<uuid>/stop")
    def stop(uuid):
        form = StopForm()
        line = Line("services.session", uuid).then("stop", score=form.score.data)
        return change(form, line, name=uuid, done="Session stopped.", to=("sessions.index", {}))

The page behind the redirect shows what came of it; a second press, a reload or Back shows the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from flask import redirect, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from werkzeug.wrappers import Response as Redirect
from wtforms import HiddenField, StringField

from octaspace import Error, Response

from .browser import Browser, current_browser
from .lines import Line
from .parts import current_parts
from .problems import describe
from .recording import recorded
from .store import Calls, Tokens

__all__ = ["OUTCOME", "ChangeForm", "Target", "change", "new_token", "once", "outcome"]

#: The query parameter that names a token whose result is to be shown. It holds no text to show.
OUTCOME: Final = "done"

#: Endpoint of ours and its values; the endpoint's values may come from the answer.
Target = tuple[str, dict[str, Any]]


def new_token() -> str:
    """A token for a form."""
    return secrets.token_urlsafe(12)


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
    line: Line,
    *,
    done: str,
    to: Target,
    name: str = "",
    then: Callable[[Response[Any]], Target] | None = None,
) -> Redirect:
    """Send a change once and redirect to where its outcome is shown.

    Args:
        form: The posted `ChangeForm`.
        line: The call.
        done: What to say when it worked.
        to: Where to go: endpoint and its values.
        name: What must be typed in live mode; empty for nothing.
        then: Where to go when it worked, made from the answer.
    """

    def act() -> dict[str, Any]:
        browser = current_browser()
        if not form.validate():
            fields = ", ".join(
                f"{field}: {' '.join(map(str, texts))}" for field, texts in form.errors.items()
            )
            return _refusal(f"Nothing was sent. {fields}", to)
        if browser.source.tone == "live" and name and form.typed_name.data.strip() != name:
            return _refusal("Nothing was sent: the name typed does not match.", to)
        return _send(browser, line, done, to, then)

    return once(form.once.data, act, to)


def once(token: str, act: Callable[[], dict[str, Any]], to: Target) -> Redirect:
    """Do something for a token that was not used before; for a used one, show what came of it.

    Args:
        token: The form's token.
        act: Does it and returns the outcome: ``ok``, ``text``, ``problem``, ``endpoint``, ``values``.
        to: Where to go while the first use is still under way.
    """
    tokens = Tokens(current_parts().database, current_browser().id)
    token = token[:64] or new_token()
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
        result = tokens.result(token) or {"endpoint": to[0], "values": to[1]}
    values = {**result["values"], OUTCOME: token}
    return redirect(url_for(result["endpoint"], **values), 303)


def outcome() -> dict[str, Any] | None:
    """What came of the change that led to this page, for the base template; None when none did."""
    token = request.args.get(OUTCOME)
    if not token:
        return None
    return Tokens(current_parts().database, current_browser().id).result(token)


def _refusal(text: str, to: Target) -> dict[str, Any]:
    return {"ok": False, "text": text, "problem": None, "endpoint": to[0], "values": to[1]}


def _send(
    browser: Browser,
    line: Line,
    done: str,
    to: Target,
    then: Callable[[Response[Any]], Target] | None,
) -> dict[str, Any]:
    parts = current_parts()
    result: dict[str, Any] = {"ok": True, "text": done, "problem": None, "line": line.kept}
    with parts.clients.lease(browser.config) as client, recorded() as calls:
        try:
            response = line.run(client.with_options(total_timeout=_change_seconds(browser)))
            to = then(response) if then is not None else to
        except (Error, ValueError) as error:
            result.update(ok=False, text="", problem=describe(error).as_json())
    result["endpoint"], result["values"] = to
    rows = [
        call.row(source=browser.source.label, page=request.endpoint or "", line=line.kept) for call in calls
    ]
    numbers = Calls(parts.database, browser.id).append(rows)
    result["log_id"] = numbers[-1] if numbers else None
    return result


def _change_seconds(browser: Browser) -> float:
    # A change given up on may have been carried out all the same, so it is given longer than a read.
    return max(60.0, browser.budget)
