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
    page.route(f"**{_PROBE}", lambda route: route.fulfill(status=204))
    until(lambda: page.evaluate(_ASK, _PROBE) == 204)
    page.unroute(f"**{_PROBE}")
