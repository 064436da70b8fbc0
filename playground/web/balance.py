"""The balance in the header: requested together with a page's own calls, and saved for the next pages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask

from octaspace.types import Balance

from ..browser.state import Browser
from ..sdk.call import SdkCall
from .panels import Panel, PanelRequest, register_companion

__all__ = ["KnownBalance", "init_app", "known_balance", "read_balance"]

#: Seconds after which it is requested again.
_FRESH: Final = 15.0

#: Time limit in seconds; short, because a page does not depend on it.
_BUDGET: Final = 2.0

_LINE: Final = SdkCall("accounts.balance")


@dataclass(frozen=True)
class KnownBalance:
    """The balance as last received.

    Attributes:
        wei: The amount, or None when the API did not return it.
        at: When it was received, seconds since 1970.
    """

    wei: int | None
    at: float

    @property
    def stale(self) -> bool:
        return time.time() - self.at > 4 * _FRESH


def init_app(app: Flask) -> None:
    """Request the balance together with the calls of pages."""
    register_companion(app, _HeaderBalance())


def known_balance(browser: Browser) -> KnownBalance | None:
    """The last balance of the browser's current API target; None when it was never requested."""
    saved = browser.read("balance")
    if saved.get("of") != _owner(browser):
        return None
    return KnownBalance(saved["wei"], saved["at"])


class _HeaderBalance:
    """`playground.web.panels.Companion` for the balance."""

    def panel_request(self, browser: Browser, requests: Sequence[PanelRequest]) -> PanelRequest | None:
        """None without a key, where the page requests it anyway, and while the last one is fresh."""
        if browser.api_target.key is None or any(str(each.line) == str(_LINE) for each in requests):
            return None
        last = known_balance(browser)
        if last is not None and time.time() - last.at <= _FRESH:
            return None
        return PanelRequest("header_balance", "Balance", _LINE, shape=read_balance, budget=_BUDGET)

    def loaded(self, browser: Browser, panels: Iterable[Panel]) -> None:
        """Save the balance when one of the panels requested it."""
        for panel in panels:
            if panel.line == str(_LINE) and panel.state != "skipped":
                wei = panel.data if panel.has_data else None
                browser.write("balance", {"of": _owner(browser), "wei": wei, "at": panel.at})


def read_balance(data: Any) -> int:
    """The amount in Wei from an answer of ``GET /accounts/balance``.

    Raises:
        octaspace.UnexpectedShapeError: It cannot be read as an amount of OCTA.
    """
    return Balance.from_api(data).amount


def _owner(browser: Browser) -> str:
    target = browser.api_target
    return repr((target.pair, target.masked_key, target.origin))
