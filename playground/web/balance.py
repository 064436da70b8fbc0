"""The balance in the header: requested together with a page's own calls, and saved for the next pages.

A script refreshes it: together with a page that refreshes itself, otherwise alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Flask, render_template, request

from octaspace.types import Balance

from ..browser.background import is_background
from ..browser.state import Browser, current_browser
from ..sdk.call import SdkCall
from .panels import Panel, PanelRequest, load, register_companion

__all__ = ["REFRESH_SECONDS", "KnownBalance", "init_app", "known_balance", "read_balance"]

#: Seconds after which a page requests it again.
_FRESH: Final = 15.0

#: Seconds between two refreshes.
REFRESH_SECONDS: Final = 60

#: Header with which the refresh of a page requests the balance as well; see static/js/refresh.js.
_ALSO: Final = "X-Refresh-Also"

#: Seconds after which it is shown as outdated.
_STALE: Final = 2.5 * REFRESH_SECONDS

#: Time limit in seconds; short, because a page does not depend on it.
_BUDGET: Final = 2.0

_LINE: Final = SdkCall("accounts.balance")

bp = Blueprint("balance", __name__, url_prefix="/playground")


@dataclass(frozen=True)
class KnownBalance:
    """The balance as last received.

    Attributes:
        wei: The amount, or None when the API has not returned one yet.
        at: When it was received, seconds since 1970.
        tried: When it was last requested.
        problem: Name of the error of the last request; empty when it succeeded.
    """

    wei: int | None
    at: float
    tried: float
    problem: str = ""

    @property
    def age(self) -> float:
        """Seconds since it was received."""
        return max(0.0, time.time() - self.at)

    @property
    def stale(self) -> bool:
        return self.age > _STALE


def init_app(app: Flask) -> None:
    """Request the balance together with the calls of pages, and register its refresh."""
    register_companion(app, _HeaderBalance())
    app.register_blueprint(bp)


@bp.get("/balance")
def refresh() -> str:
    """The balance alone; requested unless another tab has done so since the one that is shown."""
    browser = current_browser()
    last, shown = known_balance(browser), request.args.get("known", type=float)
    if browser.api_target.key is not None and (last is None or shown is None or last.at <= shown):
        load(_request(), page=False)
    return render_template("layout/balance.html")


def known_balance(browser: Browser) -> KnownBalance | None:
    """The last balance of the browser's current API target; None when it was never requested."""
    saved = browser.read("balance")
    if saved.get("of") != _owner(browser):
        return None
    return KnownBalance(saved["wei"], saved["at"], saved["tried"], saved["problem"])


class _HeaderBalance:
    """`playground.web.panels.Companion` for the balance."""

    def panel_request(self, browser: Browser, requests: Sequence[PanelRequest]) -> PanelRequest | None:
        """None without a key, where the page requests it anyway, and while the last one is fresh."""
        if browser.api_target.key is None or any(str(each.line) == str(_LINE) for each in requests):
            return None
        if is_background():
            return _request() if "balance" in request.headers.get(_ALSO, "") else None
        last = known_balance(browser)
        return _request() if last is None or time.time() - last.tried > _FRESH else None

    def loaded(self, browser: Browser, panels: Iterable[Panel]) -> None:
        """Save the balance when one of the panels requested it; after a failure the last one stays."""
        for panel in panels:
            if panel.line == str(_LINE) and panel.state != "skipped":
                last = known_balance(browser)
                wei, at = (last.wei, last.at) if last is not None else (None, panel.at)
                problem = panel.problem.kind if panel.problem is not None else ""
                if panel.has_data:
                    wei, at = panel.data, panel.at
                saved = {"of": _owner(browser), "wei": wei, "at": at, "tried": panel.at, "problem": problem}
                browser.note("balance", saved)


def _request() -> PanelRequest:
    return PanelRequest("header_balance", "Balance", _LINE, shape=read_balance, budget=_BUDGET)


def read_balance(data: Any) -> int:
    """The amount in Wei from an answer of ``GET /accounts/balance``.

    Raises:
        octaspace.UnexpectedShapeError: It cannot be read as an amount of OCTA.
    """
    return Balance.from_api(data).amount


def _owner(browser: Browser) -> str:
    target = browser.api_target
    return repr((target.pair, target.masked_key, target.origin))
