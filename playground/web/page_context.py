"""What surrounds every page: where calls go, the key's last characters, balance, mode and the log."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, g, redirect, request, session, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

import octaspace

from ..app_state import current_app_state
from ..browser.api_target import ApiTarget
from ..browser.state import Browser, current_browser
from ..sdk.error_card import Problem
from ..store import CallRow, RequestLog
from .balance import KnownBalance, known_balance
from .form_actions import OUTCOME, new_token, outcome
from .navigation import page_or
from .worker_snapshots import forget_snapshots

__all__ = ["PageContext", "init_app"]

THEMES = ("auto", "light", "dark")

#: Query parameters that belong to one answer, not to the page.
_PASSING = ("_panel", "_raw", OUTCOME, "confirm")

#: Rows of the drawer under every page.
_DRAWER_ROWS = 25

bp = Blueprint("look", __name__, url_prefix="/playground")


class PageContext:
    """The frame of a page, computed when the template asks for it."""

    def __init__(self) -> None:
        self._browser: Browser = current_browser()

    @cached_property
    def api_target(self) -> ApiTarget:
        return self._browser.api_target

    @cached_property
    def mode(self) -> str:
        """Transport mode: persistent or standard."""
        return "persistent" if self._browser.config.keep_alive else "standard"

    @cached_property
    def theme(self) -> str:
        return self._browser.theme

    @cached_property
    def balance(self) -> KnownBalance | None:
        return known_balance(self._browser)

    @cached_property
    def log(self) -> tuple[list[CallRow], int]:
        """The latest calls of this browser, and how many there are."""
        return RequestLog(current_app_state().database, self._browser.id).latest(_DRAWER_ROWS)

    @cached_property
    def outcome(self) -> dict[str, Any] | None:
        """What came of the change that led here."""
        result = outcome()
        if result is not None and result.get("problem"):
            result["problem"] = Problem(**result["problem"])
        return result

    @property
    def address(self) -> str:
        """The address of this page as a person would share it."""
        return self.address_with()

    def address_with(self, **more: str) -> str:
        """The same address with parameters put in."""
        query = [item for item in request.args.items(multi=True) if item[0] not in (*_PASSING, *more)]
        query += more.items()
        # The path has been decoded once; an id in it may hold what would begin a query.
        return quote(request.path) + (f"?{urlencode(query)}" if query else "")

    @property
    def has_password(self) -> bool:
        return current_app_state().process.password is not None

    @property
    def version(self) -> str:
        return octaspace.__version__


def init_app(app: Flask) -> None:
    """Register the frame for templates, and the switch of the theme."""
    app.register_blueprint(bp)

    # Globals rather than a context: imported macros see them too.
    app.jinja_env.globals.update(page_context=LocalProxy(_current_context), new_token=new_token)


def _current_context() -> PageContext:
    context: PageContext | None = g.get("page_context")
    if context is None:
        context = g.page_context = PageContext()
    return context


@bp.post("/theme")
def theme() -> Response:
    """Save `auto`, `light` or `dark`, and go back to the page the switch was used on."""
    chosen = request.form.get("theme", "auto")
    browser = current_browser()
    if chosen in THEMES:
        browser.write("look", {**browser.read("look"), "theme": chosen})
    return redirect(url_for(page_or("dashboard.index", request.form.get("page"))), 303)


@bp.post("/logout")
def logout() -> Response:
    """Forget everything about this browser, in all workers; its cookie finds nothing any more."""
    browser = current_browser()
    forget_snapshots(browser, current_app_state())
    browser.forget()
    session.clear()
    return redirect(url_for("dashboard.index"), 303)
