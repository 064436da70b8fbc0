"""Writes calls into a browser's request log, together with the page or job that made them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from flask import request

from ..app_state import current_app_state
from ..domain.endpoint_history import record_attempts
from ..sdk.recording import Call
from ..store import CallSource, Database, EndpointRecords, RequestLog, StoreError
from .state import Browser

__all__ = ["CallLog", "is_background"]

#: Header of the requests that a script sends by itself; see static/js/background.js.
_BACKGROUND: Final = "X-Background"

_log: Final = logging.getLogger(__name__)


def is_background() -> bool:
    """Whether a script sent the current request by itself: a refresh or a poll."""
    return _BACKGROUND in request.headers


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
            Their numbers.
        """
        numbers = self._calls.append(rows)
        record_attempts(self._endpoints, rows, numbers)
        return numbers

    def write(self, calls: Iterable[Call], line: str) -> int | None:
        """Write the calls of one Python line.

        Returns:
            The number of the last row, or None without calls.
        """
        numbers = self.append([self.row(call, line) for call in calls])
        return numbers[-1] if numbers else None

    def write_if_possible(self, calls: Iterable[Call], line: str) -> int | None:
        """As `write`; None as well if the store fails, which is logged: the calls were made, and count."""
        try:
            return self.write(calls, line)
        except StoreError as error:
            _log.error("Calls are missing in the request log: %s", error)
            return None
