"""Writes calls into a browser's request log, together with the page or job that made them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request

from ..app_state import current_app_state
from ..domain.endpoint_history import record_attempts
from ..sdk.recording import Call
from ..store import CallRow, CallSource, Database, EndpointRecords, RequestLog
from .background import is_background
from .state import Browser
from .store_problems import unless_store_fails

__all__ = ["CallLog", "latest_calls"]


class CallLog:
    """The request log of a browser for the calls of one page or job. Thread-safe.

    Args:
        database: The store that holds the log.
        browser: Id of the browser.
        target: Label of the API that is called.
        source: What makes the calls.
        page: Endpoint of the page, or name of the job.
    """

    def __init__(
        self, database: Database, browser: str, *, target: str, source: CallSource, page: str
    ) -> None:
        self._calls = RequestLog(database, browser)
        self._endpoints = EndpointRecords(database, browser)
        self._target, self._source, self._page = target, source, page

    @classmethod
    def for_current_page(cls, browser: Browser, source: CallSource | None = None) -> CallLog:
        """The log for the calls of the current page.

        Args:
            browser: The browser.
            source: What makes the calls; by default the page, or a refresh if a script sent the request by
                itself.
        """
        page = request.endpoint or ""
        automatic: CallSource = "refresh" if is_background() else "page"
        database, target = current_app_state().database, browser.api_target.label
        return cls(database, browser.id, target=target, source=source or automatic, page=page)

    def row(self, call: Call, line: str) -> dict[str, Any]:
        """The row of a call.

        Args:
            call: The call.
            line: Its Python line, without secrets.
        """
        return call.row(target=self._target, source=self._source, page=self._page, line=line)

    def append(self, rows: list[dict[str, Any]]) -> list[int]:
        """Write rows made by `row`, and their attempts into the histories of the endpoints.

        Returns:
            Their numbers. Each is 0 if the store fails, which is logged: the calls were made, and count.
        """

        def append() -> list[int]:
            numbers = self._calls.append(rows)
            record_attempts(self._endpoints, rows, numbers)
            return numbers

        return unless_store_fails("the request log", [0] * len(rows), append)

    def write(self, calls: Iterable[Call], line: str) -> int | None:
        """Write the calls of one Python line.

        Returns:
            The number of the last row, or None without calls.
        """
        numbers = self.append([self.row(call, line) for call in calls])
        return numbers[-1] or None if numbers else None


def latest_calls(browser: Browser, limit: int, **filters: Any) -> tuple[list[CallRow], int]:
    """Calls of a browser for a page that can do without them: none when the store fails.

    Args:
        browser: The browser.
        limit: See `RequestLog.latest`, also for the filters.
        filters: Which calls.
    """
    log = RequestLog(current_app_state().database, browser.id)
    nothing: tuple[list[CallRow], int] = ([], 0)
    return unless_store_fails("the request log", nothing, lambda: log.latest(limit, **filters))
