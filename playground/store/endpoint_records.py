"""What is known of each endpoint that a browser has called, written by the workers that called it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from .backend import Database

__all__ = ["EndpointRecords"]

#: As long as a call stays in the request log.
_KEPT_SECONDS: Final = 12 * 3600.0


class EndpointRecords:
    """A record per endpoint, of one browser.

    Args:
        database: Where they are kept.
        browser: Id of the browser.
    """

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._browser = database.endpoints, browser

    def update(self, endpoint: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change the record of an endpoint; no other worker changes it in the meantime.

        Args:
            endpoint: Its URL.
            change: Makes the new record from the present one, which is empty at first.
        """

        def changed(text: str | None) -> str:
            return json.dumps(change({} if text is None else json.loads(text)))

        self._table.update(self._browser, endpoint, changed, _KEPT_SECONDS)

    def find(self, endpoints: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records of these endpoints, where there are some. Each expires 12 hours after its last call."""
        found = self._table.find(self._browser, endpoints)
        return {url: json.loads(text) for url, text in found.items()}
