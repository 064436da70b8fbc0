"""Texts of endpoints in SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .browser_table import is_forgotten
from .connection import SqliteConnections
from .usage import evict

__all__ = ["SqliteEndpointTable"]


class SqliteEndpointTable:
    """See `EndpointTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def update(self, browser: str, endpoint: str, change: Callable[[str | None], str], keep: float) -> None:
        now = self._connections.clock()
        with self._connections.writing() as connection:
            if is_forgotten(connection, browser):
                return
            row = connection.execute(
                "SELECT text FROM endpoints WHERE browser = ? AND endpoint = ? AND until >= ?",
                (browser, endpoint, now),
            ).fetchone()
            text = change(None if row is None else row["text"])
            connection.execute(
                "INSERT INTO endpoints (browser, endpoint, at, until, text) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (browser, endpoint) "
                "DO UPDATE SET at = excluded.at, until = excluded.until, text = excluded.text",
                (browser, endpoint, now, now + keep, text),
            )
            evict(connection, "endpoints", browser, self._connections.quotas.endpoints)

    def find(self, browser: str, endpoints: Sequence[str]) -> dict[str, str]:
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT endpoint, text FROM endpoints WHERE browser = ? AND until >= ?",
                (browser, self._connections.clock()),
            )
            return {row["endpoint"]: row["text"] for row in rows if row["endpoint"] in endpoints}
