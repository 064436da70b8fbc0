"""The optional password in front of everything."""

from __future__ import annotations

import hmac
import time
from typing import Final

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from werkzeug.wrappers import Response
from wtforms import PasswordField

from .browser import current_browser, renew_id
from .parts import current_parts
from .process import ProcessSettings

__all__ = ["init_app"]

bp = Blueprint("login", __name__, url_prefix="/playground")

#: After this many wrong passwords within the window each further try has to wait, ever longer.
_FREE_TRIES: Final = 5
_WINDOW: Final = 600.0
_LONGEST_WAIT: Final = 60.0

_OPEN: Final = frozenset({"login.show", "login.enter", "static", "bootstrap.static", "health.ok"})


class LoginForm(FlaskForm):  # type: ignore[misc]
    """The password."""

    password = PasswordField("Password")


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Ask for the password when the operator set one."""
    if process.password is None:
        return
    app.register_blueprint(bp)

    def require_login() -> Response | None:
        if request.endpoint in _OPEN or current_browser().read("login"):
            return None
        return redirect(url_for("login.show"))

    app.before_request(require_login)


@bp.get("/login")
def show() -> str:
    return render_template("pages/login.html", form=LoginForm(), problem=None)


@bp.post("/login")
def enter() -> Response | tuple[str, int]:
    form = LoginForm()
    wait = _seconds_to_wait()
    if wait > 0:
        problem = f"Too many wrong passwords. Try again in {wait:.0f} s."
        return render_template("pages/login.html", form=form, problem=problem), 429
    expected = current_parts().process.password or ""
    given = form.password.data or ""
    if not hmac.compare_digest(given.encode(), expected.encode()):
        with current_parts().database.connect() as connection:
            connection.execute("INSERT INTO login_failures (at) VALUES (?)", (time.time(),))
        return render_template("pages/login.html", form=form, problem="That is not the password."), 401
    renew_id().write("login", {"at": time.time()})
    return redirect(url_for("dashboard.index"), 303)


def _seconds_to_wait() -> float:
    """Seconds until the next try is allowed, over all browsers and workers: an attacker has many cookies."""
    now = time.time()
    with current_parts().database.connect() as connection:
        connection.execute("DELETE FROM login_failures WHERE at < ?", (now - _WINDOW,))
        count, last = connection.execute("SELECT count(*), max(at) FROM login_failures").fetchone()
    if count < _FREE_TRIES:
        return 0.0
    wait = min(_LONGEST_WAIT, 2.0 ** (count - _FREE_TRIES))
    return float(max(0.0, last + wait - now))
