"""Requests of a page that a test holds up until it releases them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route

from ..support.waiting import until
from .interception import intercept

__all__ = ["HeldRequests"]


class HeldRequests:
    """Holds up the page's requests to some addresses.

    Args:
        page: The page.
        pattern: Their addresses.
    """

    def __init__(self, page: Page, pattern: str | re.Pattern[str]) -> None:
        self._page = page
        self._routes: list[Route] = []
        intercept(page, pattern, lambda route: self._routes.append(route))

    def wait_for_one(self) -> None:
        """Return when the browser has sent one."""

        def has_arrived() -> bool:
            self._page.wait_for_timeout(10)  # handlers of routes run while Playwright waits
            return bool(self._routes)

        until(has_arrived)

    def release_one(self) -> None:
        """Let the oldest one go on, as soon as the browser has sent it."""
        self.wait_for_one()
        self._routes.pop(0).continue_()
