"""State of browsers in SQLite."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final, Literal

from ..quotas import ROW_OVERHEAD_BYTES
from .quotas import claim_room, make_room

if TYPE_CHECKING:
    from .database import SqliteDatabase

__all__ = ["SqliteBrowserTable", "is_forgotten"]

#: How often at most a browser's life is begun anew, so that reading seldom writes.
_RENEW_AFTER: Final = 600.0

#: Whatever is kept for a browser.
_EVERYTHING: Final = (
    "DELETE FROM concerns WHERE browser = ?",
    "DELETE FROM browsers WHERE id = ?",
    "DELETE FROM calls WHERE browser = ?",
    "DELETE FROM tokens WHERE browser = ?",
    "DELETE FROM job_items WHERE job IN (SELECT id FROM jobs WHERE browser = ?)",
    "DELETE FROM jobs WHERE browser = ?",
)
_TOO_MANY: Final = (
    "DELETE FROM forgotten WHERE browser IN (SELECT browser FROM forgotten "
    "ORDER BY until LIMIT max(0, (SELECT count(*) FROM forgotten) - ?))"
)


class SqliteBrowserTable:
    """See `BrowserTable`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        now = time.time()
        with self._database.reading() as connection:
            if is_forgotten(connection, browser):
                return None
            row = connection.execute(
                "SELECT seen FROM browsers WHERE id = ? AND until >= ?", (browser, now)
            ).fetchone()
            if row is None:
                return {}
            rows = connection.execute("SELECT concern, text FROM concerns WHERE browser = ?", (browser,))
            found = {row["concern"]: row["text"] for row in rows}
        if now - row["seen"] > _RENEW_AFTER:
            with self._database.writing() as connection:
                connection.execute(
                    "UPDATE browsers SET seen = ?, until = ? WHERE id = ?", (now, now + idle, browser)
                )
        return found

    def save(
        self, browser: str, concern: str, text: str, idle: float, kind: Literal["settings", "drafts"]
    ) -> None:
        now, quotas = time.time(), self._database.quotas
        with self._database.writing() as connection:
            if is_forgotten(connection, browser):
                return
            # What has expired stays so, even when no sweep came by since.
            old = "SELECT id FROM browsers WHERE id = ? AND until < ?"
            connection.execute(f"DELETE FROM concerns WHERE browser IN ({old})", (browser, now))  # noqa: S608
            if kind == "settings":
                claim_room(connection, kind, browser, quotas, _more(connection, browser, concern, text))
            connection.execute(
                "INSERT INTO browsers (id, seen, until) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, until = excluded.until",
                (browser, now, now + idle),
            )
            connection.execute(
                "INSERT INTO concerns (browser, concern, kind, at, text) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (browser, concern) DO UPDATE SET at = excluded.at, text = excluded.text",
                (browser, concern, kind, now, text),
            )
            if kind == "drafts":
                make_room(connection, kind, browser, quotas.drafts)

    def drop(self, browser: str, concern: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM concerns WHERE browser = ? AND concern = ?", (browser, concern))
        self._database.wipe()

    def forget(self, browser: str, now: float, keep: float, most: int) -> None:
        with self._database.writing() as connection:
            for statement in _EVERYTHING:
                connection.execute(statement, (browser,))
            connection.execute(
                "INSERT OR REPLACE INTO forgotten (browser, until) VALUES (?, ?)", (browser, now + keep)
            )
            connection.execute(_TOO_MANY, (most,))
        self._database.wipe()


def is_forgotten(connection: sqlite3.Connection, browser: str) -> bool:
    """Whether a browser was forgotten, in the transaction of the connection."""
    found = connection.execute("SELECT 1 FROM forgotten WHERE browser = ?", (browser,)).fetchone()
    return found is not None


def _more(connection: sqlite3.Connection, browser: str, concern: str, text: str) -> int:
    """How many bytes a concern takes more than what it replaces."""
    old = connection.execute(
        "SELECT length(CAST(text AS BLOB)) FROM concerns WHERE browser = ? AND concern = ?",
        (browser, concern),
    ).fetchone()
    size = len(text.encode())
    return size - old[0] if old is not None else size + len(concern.encode()) + ROW_OVERHEAD_BYTES
