"""Data of the page layout: API target, last characters of the key, balance, transport mode and log."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, current_app, g, redirect, request, session, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

import octaspace

from ..app_state import current_app_state
from ..browser.api_target import ApiTarget
from ..browser.call_log import latest_calls
from ..browser.key_state import KeyProblem, key_problem
from ..browser.state import Browser, current_browser
from ..browser.store_problems import StoreProblems, store_problems, unless_store_fails
from ..sdk.error_card import Problem
from ..store import FOREGROUND, CallRow
from .balance import REFRESH_SECONDS, KnownBalance, known_balance
from .form_actions import OUTCOME, new_token, outcome
from .navigation import known_page
from .worker_snapshots import forget_snapshots

__all__ = ["PageContext", "init_app"]

THEMES = ("auto", "light", "dark")

#: Query parameters that belong to a single response, not to the page.
_TRANSIENT = ("_panel", "_raw", "_fresh", OUTCOME, "confirm")

#: The outcome of a form that cannot be read.
_OUTCOME_UNKNOWN: Final[dict[str, Any] | None] = {
    "ok": False, "problem": None,
    "text": "The outcome of the form is not known, because the storage is unavailable. It may have been "
    "carried out: check before you send it again.",
}  # fmt: skip

#: Rows of the log drawer below every page.
_DRAWER_ROWS = 25

bp = Blueprint("look", __name__, url_prefix="/playground")


class PageContext:
    """Data of the page layout, computed on demand."""

    def __init__(self) -> None:
        self._browser: Browser = current_browser()

    @cached_property
    def api_target(self) -> ApiTarget:
        return self._browser.api_target

    @cached_property
    def key_problem(self) -> KeyProblem | None:
        """See `playground.browser.key_state.key_problem`."""
        return key_problem(self._browser)

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

    @property
    def target(self) -> str:
        """A fingerprint of the API target and its key: a script compares it to notice another one."""
        return self._browser.target_fingerprint

    @property
    def balance_refresh(self) -> int:
        """Seconds between two refreshes of the balance; 0 without a key."""
        return REFRESH_SECONDS if self.api_target.key is not None else 0

    @cached_property
    def log(self) -> tuple[list[CallRow], int, int]:
        """The latest calls of this browser, their number, and that of automatic calls, not shown."""
        rows, shown = latest_calls(self._browser, _DRAWER_ROWS, sources=FOREGROUND)
        _, total = latest_calls(self._browser, 0)
        return rows, shown, max(0, total - shown)

    @cached_property
    def outcome(self) -> dict[str, Any] | None:
        """The outcome of the change that led to this page."""
        result = unless_store_fails("the outcome of the form", _OUTCOME_UNKNOWN, outcome)
        if result is not None and result.get("problem"):
            result = {**result, "problem": Problem(**result["problem"])}
        return result

    @cached_property
    def store_problems(self) -> StoreProblems:
        """What this page goes without because the store fails; it is logged, once for each page."""
        _ = self.log, self.outcome  # read further down the page
        found = store_problems()
        if found.parts:
            current_app.logger.error("A page without the store: %s: %s", request.path, found.reason)
        return found

    @property
    def is_known(self) -> bool:
        """Whether the settings of this browser are known; otherwise the API target is the default one."""
        return self._browser.problem is None

    @property
    def address(self) -> str:
        """The URL of this page for sharing."""
        return self.address_with()

    def address_with(self, **more: str) -> str:
        """The same URL with additional parameters."""
        query = [item for item in request.args.items(multi=True) if item[0] not in (*_TRANSIENT, *more)]
        query += more.items()
        # The path has been decoded once; an id in it may contain a question mark.
        return quote(request.path) + (f"?{urlencode(query)}" if query else "")

    @property
    def has_password(self) -> bool:
        return current_app_state().process.password is not None

    @property
    def version(self) -> str:
        return octaspace.__version__


def init_app(app: Flask) -> None:
    """Register the layout data for templates, and the theme and logout forms."""
    app.register_blueprint(bp)

    # Globals instead of a context processor: imported macros can use them.
    app.jinja_env.globals.update(page_context=LocalProxy(_current_context), new_token=new_token)


def _current_context() -> PageContext:
    context: PageContext | None = g.get("page_context")
    if context is None:
        context = g.page_context = PageContext()
    return context


@bp.post("/theme")
def theme() -> Response:
    """Save `auto`, `light` or `dark`, and redirect to the page of the form."""
    chosen = request.form.get("theme", "auto")
    browser = current_browser()
    if chosen in THEMES:
        browser.write("look", {**browser.read("look"), "theme": chosen})
    return redirect(url_for(known_page("dashboard.index", request.form.get("page"))), 303)


@bp.post("/logout")
def logout() -> Response:
    """Remove all state of this browser in all workers, and its session cookie."""
    browser = current_browser()
    forget_snapshots(browser, current_app_state())
    browser.forget()
    session.clear()
    return redirect(url_for("dashboard.index"), 303)
