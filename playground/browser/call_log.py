"""Writes calls into a browser's request log, with where they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request

from ..app_state import current_app_state
from ..sdk.recording import Call
from ..store import Database, RequestLog
from .state import Browser

__all__ = ["CallLog"]


class CallLog:
    """The request log of a browser, for calls made from one place. Usable in every thread.

    Args:
        database: Where the log is kept.
        browser: Id of the browser.
        source: Which API is called, in words.
        page: Endpoint of the page, or name of the job.
    """

    def __init__(self, database: Database, browser: str, *, source: str, page: str) -> None:
        self._calls = RequestLog(database, browser)
        self._source, self._page = source, page

    @classmethod
    def of_page(cls, browser: Browser) -> CallLog:
        """The log for calls of the page that is being made."""
        page = request.endpoint or ""
        return cls(current_app_state().database, browser.id, source=browser.api_target.label, page=page)

    def row(self, call: Call, line: str) -> dict[str, Any]:
        """A call as the log keeps it.

        Args:
            call: The call.
            line: Its Python line, without secrets.
        """
        return call.row(source=self._source, page=self._page, line=line)

    def append(self, rows: list[dict[str, Any]]) -> list[int]:
        """Write rows that `row` made; their numbers."""
        return self._calls.append(rows)

    def write(self, calls: Iterable[Call], line: str) -> int | None:
        """Write the calls of one line; the number of the last of them, None when there is none."""
        numbers = self.append([self.row(call, line) for call in calls])
        return numbers[-1] if numbers else None
