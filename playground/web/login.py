"""Optional password protection of the whole app."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from werkzeug.wrappers import Response
from wtforms import PasswordField

from ..app_state import AppState, current_app_state
from ..browser.state import current_browser, renew_id
from ..settings import ProcessSettings
from ..store import LoginAttempts

__all__ = ["init_app", "is_logged_in"]

bp = Blueprint("login", __name__, url_prefix="/playground")

_OPEN: Final = frozenset(
    {"login.show", "login.enter", "static", "bootstrap.static", "health.ok", "health.ready"}
)

#: How a thread waits; tests replace it.
pause = time.sleep


class LoginForm(FlaskForm):  # type: ignore[misc]
    """The password."""

    password = PasswordField("Password")


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Require the password when the operator has set one."""
    if process.password is None:
        return
    app.register_blueprint(bp)

    def require_login() -> Response | None:
        if request.endpoint in _OPEN or is_logged_in():
            return None
        return redirect(url_for("login.show"), 303)

    app.before_request(require_login)


@bp.get("/login")
def show() -> str:
    return render_template("login/index.html", form=LoginForm(), problem=None)


@bp.post("/login")
def enter() -> Response:
    form = LoginForm()
    state = current_app_state()
    attempts = LoginAttempts(state.database, request.remote_addr or "")
    with _login_slot(state) as has_slot:
        allowed, seconds = attempts.claim() if has_slot else attempts.claim(max_wait=0.0)
        if not allowed:
            retry_after = max(1, math.ceil(seconds))
            response = _refusal(
                form, f"Too many wrong passwords from your address. Try again in {retry_after} s.", 429
            )
            response.headers["Retry-After"] = str(retry_after)
            return response
        if seconds:
            pause(seconds)
        if not _passwords_match(form.password.data or "", state.process.password or ""):
            delay = attempts.failed()
            if has_slot and delay:
                pause(delay)
            return _refusal(form, "Wrong password.", 401)
    attempts.succeeded()
    renew_id().write("login", {"proof": _proof(state)})
    return redirect(url_for("dashboard.index"), 303)


@contextmanager
def _login_slot(state: AppState) -> Iterator[bool]:
    """Take a slot for a thread that waits; yields False without a free one. Other threads serve pages."""
    has_slot = state.login_slots.acquire(blocking=False)
    try:
        yield has_slot
    finally:
        if has_slot:
            state.login_slots.release()


def _refusal(form: LoginForm, problem: str, status: int) -> Response:
    return make_response(render_template("login/index.html", form=form, problem=problem), status)


def is_logged_in() -> bool:
    """Whether this browser may see pages: there is no password, or it has entered it.

    Raises:
        StoreError: The store is unavailable.
    """
    state = current_app_state()
    if state.process.password is None:
        return True
    proof = current_browser().read("login").get("proof", "")
    return hmac.compare_digest(proof, _proof(state))


def _proof(state: AppState) -> str:
    """What is stored for a browser that has logged in; a change of the password invalidates it."""
    password = state.process.password or ""
    return hmac.new(state.secret_key.encode(), password.encode(), hashlib.sha256).hexdigest()


def _passwords_match(given: str, expected: str) -> bool:
    """Compare in a time that depends neither on the position of a difference nor on the length."""
    digests = [hashlib.sha256(text.encode()).digest() for text in (given, expected)]
    return hmac.compare_digest(*digests)
