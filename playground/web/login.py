"""The optional password in front of everything."""

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

__all__ = ["init_app", "is_inside"]

bp = Blueprint("login", __name__, url_prefix="/playground")

_OPEN: Final = frozenset({"login.show", "login.enter", "static", "bootstrap.static", "health.ok"})


#: How a thread waits.
pause = time.sleep


class LoginForm(FlaskForm):  # type: ignore[misc]
    """The password."""

    password = PasswordField("Password")


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Ask for the password when the operator set one."""
    if process.password is None:
        return
    app.register_blueprint(bp)

    def require_login() -> Response | None:
        if request.endpoint in _OPEN or is_inside():
            return None
        return redirect(url_for("login.show"), 303)

    app.before_request(require_login)


@bp.get("/login")
def show() -> str:
    return render_template("login/index.html", form=LoginForm(), problem=None)


@bp.post("/login")
def enter() -> Response:
    form = LoginForm()
    parts = current_app_state()
    attempts = LoginAttempts(parts.database, request.remote_addr or "")
    with _seat(parts) as seated:
        may_try, seconds = attempts.claim() if seated else attempts.claim(max_wait=0.0)
        if not may_try:
            again = max(1, math.ceil(seconds))
            answer = _refusal(
                form, f"Too many wrong passwords from your address. Try again in {again} s.", 429
            )
            answer.headers["Retry-After"] = str(again)
            return answer
        if seconds:
            pause(seconds)
        if not _same(form.password.data or "", parts.process.password or ""):
            held_back = attempts.failed()
            if seated and held_back:
                pause(held_back)
            return _refusal(form, "That is not the password.", 401)
    attempts.succeeded()
    renew_id().write("login", {"proof": _proof(parts)})
    return redirect(url_for("dashboard.index"), 303)


@contextmanager
def _seat(parts: AppState) -> Iterator[bool]:
    """One of the few threads that may wait here; False when all of them do. The others answer pages."""
    seated = parts.login_seats.acquire(blocking=False)
    try:
        yield seated
    finally:
        if seated:
            parts.login_seats.release()


def _refusal(form: LoginForm, problem: str, status: int) -> Response:
    return make_response(render_template("login/index.html", form=form, problem=problem), status)


def is_inside() -> bool:
    """Whether this browser may see pages: there is no password, or it has entered it.

    Raises:
        StoreError: The store cannot say.
    """
    parts = current_app_state()
    if parts.process.password is None:
        return True
    proof = current_browser().read("login").get("proof", "")
    return hmac.compare_digest(proof, _proof(parts))


def _proof(parts: AppState) -> str:
    """What a browser that entered the password has; another password makes it worthless."""
    password = parts.process.password or ""
    return hmac.new(parts.secret_key.encode(), password.encode(), hashlib.sha256).hexdigest()


def _same(given: str, expected: str) -> bool:
    """Compare in a time that tells neither where they differ nor how long they are."""
    digests = [hashlib.sha256(text.encode()).digest() for text in (given, expected)]
    return hmac.compare_digest(*digests)
