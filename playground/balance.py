"""The balance in the header: asked for beside a page's own calls, and remembered for the others."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from octaspace.types import Balance

from .browser import Browser
from .lines import Line

if TYPE_CHECKING:
    from .panels import Panel

__all__ = ["PATIENCE", "Known", "known", "line_for_header", "notice", "read_balance"]

#: Seconds after which it is asked for again.
_FRESH: Final = 15.0

#: Seconds it may take; a page does not wait longer for something beside its subject.
PATIENCE: Final = 2.0

_LINE: Final = Line("accounts.balance")


@dataclass(frozen=True)
class Known:
    """The balance as last heard.

    Attributes:
        wei: The amount, or None when it could not be had.
        at: When it was heard, seconds since 1970.
    """

    wei: int | None
    at: float

    @property
    def stale(self) -> bool:
        return time.time() - self.at > 4 * _FRESH


def known(browser: Browser) -> Known | None:
    """The last balance of the browser's current source; None when it was never asked for."""
    saved = browser.read("balance")
    if saved.get("of") != _owner(browser):
        return None
    return Known(saved["wei"], saved["at"])


def line_for_header(browser: Browser, lines: list[str]) -> Line | None:
    """The call to make beside a page's own, or None: no key, asked for anyway, or still fresh."""
    if browser.source.key is None or str(_LINE) in lines:
        return None
    last = known(browser)
    return _LINE if last is None or time.time() - last.at > _FRESH else None


def notice(browser: Browser, panels: Iterable[Panel]) -> None:
    """Remember the balance when one of the panels asked for it."""
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
    source = browser.source
    return repr((source.pair, source.masked_key, source.origin))
