"""State of browsers in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Final

from ..backend import StateKind, StoreError
from ..quotas import ROW_OVERHEAD_BYTES
from .connection import SqliteConnections
from .usage import evict, require_space_in

__all__ = ["SqliteBrowserTable", "is_forgotten"]

#: Minimum seconds between two renewals of a browser's idle time, so that reading rarely writes.
_RENEW_SECONDS: Final = 600.0

#: Deletes all records of a browser.
_DELETE_ALL: Final = (
    "DELETE FROM browser_state WHERE browser = ?",
    "DELETE FROM browsers WHERE id = ?",
    "DELETE FROM calls WHERE browser = ?",
    "DELETE FROM endpoints WHERE browser = ?",
    "DELETE FROM tokens WHERE browser = ?",
    "DELETE FROM job_items WHERE job IN (SELECT id FROM jobs WHERE browser = ?)",
    "DELETE FROM jobs WHERE browser = ?",
)
_DELETE_EXCESS: Final = (
    "DELETE FROM forgotten WHERE browser IN (SELECT browser FROM forgotten "
    "ORDER BY until LIMIT max(0, (SELECT count(*) FROM forgotten) - ?))"
)


class SqliteBrowserTable:
    """See `BrowserTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        now = self._connections.clock()
        with self._connections.reading() as connection:
            if is_forgotten(connection, browser):
                return None
            row = connection.execute(
                "SELECT seen FROM browsers WHERE id = ? AND until >= ?", (browser, now)
            ).fetchone()
            if row is None:
                return {}
            rows = connection.execute("SELECT key, text FROM browser_state WHERE browser = ?", (browser,))
            found = {row["key"]: row["text"] for row in rows}
        if now - row["seen"] > _RENEW_SECONDS:
            # On a full disk the state can still be read.
            with suppress(StoreError), self._connections.writing() as connection:
                connection.execute(
                    "UPDATE browsers SET seen = ?, until = ? WHERE id = ?", (now, now + idle, browser)
                )
        return found

    def save(self, browser: str, key: str, text: str, idle: float, kind: StateKind) -> None:
        now, quotas = self._connections.clock(), self._connections.quotas
        with self._connections.writing() as connection:
            if is_forgotten(connection, browser):
                return
            # Expired state does not come back, even when it was not swept yet.
            expired = "SELECT id FROM browsers WHERE id = ? AND until < ?"
            connection.execute(f"DELETE FROM browser_state WHERE browser IN ({expired})", (browser, now))  # noqa: S608
            if kind == "settings":
                require_space_in(connection, kind, browser, quotas, _added(connection, browser, key, text))
            connection.execute(
                "INSERT INTO browsers (id, seen, until) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, until = excluded.until",
                (browser, now, now + idle),
            )
            connection.execute(
                "INSERT INTO browser_state (browser, key, kind, at, text) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (browser, key) DO UPDATE SET at = excluded.at, text = excluded.text",
                (browser, key, kind, now, text),
            )
            if kind == "drafts":
                evict(connection, kind, browser, quotas.drafts)

    def drop(self, browser: str, key: str) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM browser_state WHERE browser = ? AND key = ?", (browser, key))
        self._connections.wipe()

    def with_prefix(self, prefix: str) -> list[tuple[str, str, str]]:
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT browser, key, text FROM browser_state JOIN browsers ON browsers.id = browser "
                "WHERE until >= ? AND substr(key, 1, ?) = ? "
                "AND browser NOT IN (SELECT browser FROM forgotten) ORDER BY browser, key",
                (self._connections.clock(), len(prefix), prefix),
            ).fetchall()
        return [(row["browser"], row["key"], row["text"]) for row in rows]

    def forget(self, browser: str, now: float, keep: float, max_forgotten: int) -> None:
        with self._connections.writing() as connection:
            for statement in _DELETE_ALL:
                connection.execute(statement, (browser,))
            connection.execute(
                "INSERT OR REPLACE INTO forgotten (browser, until) VALUES (?, ?)", (browser, now + keep)
            )
            connection.execute(_DELETE_EXCESS, (max_forgotten,))
        self._connections.wipe()


def is_forgotten(connection: sqlite3.Connection, browser: str) -> bool:
    """Whether a browser was forgotten, in the transaction of the connection."""
    found = connection.execute("SELECT 1 FROM forgotten WHERE browser = ?", (browser,)).fetchone()
    return found is not None


def _added(connection: sqlite3.Connection, browser: str, key: str, text: str) -> int:
    """Bytes that saving a text adds."""
    old = connection.execute(
        "SELECT length(CAST(text AS BLOB)) FROM browser_state WHERE browser = ? AND key = ?", (browser, key)
    ).fetchone()
    size = len(text.encode())
    return size - old[0] if old is not None else size + len(key.encode()) + ROW_OVERHEAD_BYTES
