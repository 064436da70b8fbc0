"""Answers of a test in place of the server's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Page, Route

from ..support.waiting import until

__all__ = ["intercept"]

_PROBE: Final = "/readyz?intercepted"
#: HEAD, because tests count the requests with GET.
_ASK: Final = "(path) => fetch(path, { method: 'HEAD' }).then((answer) => answer.status)"
_ASKED_BEFORE_ANOTHER_TRY: Final = 20


def intercept(page: Page, address: str | re.Pattern[str], handler: Callable[[Route], Any]) -> None:
    """Like `Page.route`, but return when it has taken effect.

    On a busy machine, Chromium may send a request to the server that a loaded page makes just after
    `Page.route`: its renderer learns of the interception later than Playwright. `Page.unroute` ends it.

    Args:
        page: The page.
        address: The addresses of the requests.
        handler: Called with each of them.
    """
    page.route(address, handler)
    if page.url == "about:blank":
        return  # the renderer learns of it when it loads a page
    probe = f"**{_PROBE}"
    page.route(probe, _answer)
    asked = 0

    def has_taken_effect() -> bool:
        nonlocal asked
        asked += 1
        if asked % _ASKED_BEFORE_ANOTHER_TRY == 0:
            # A document that is loaded in the same moment may never learn of it. Chromium is told again after
            # the last interception has ended.
            page.unroute(address, handler)
            page.unroute(probe)
            page.route(address, handler)
            page.route(probe, _answer)
        return bool(page.evaluate(_ASK, _PROBE) == 204)

    until(has_taken_effect)
    page.unroute(probe)


def _answer(route: Route) -> None:
    route.fulfill(status=204)
