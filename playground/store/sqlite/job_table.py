"""Jobs in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from ..backend import LEASE_SECONDS, Record
from .browser_table import is_forgotten
from .connection import SqliteConnections
from .usage import evict

__all__ = ["SqliteJobTable"]

_NAMES: Final = (
    "id", "browser", "kind", "process", "at", "heartbeat", "ended", "cancelled", "about", "state", "until",
)  # fmt: skip
_INSERT: Final = f"INSERT INTO jobs ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608


class SqliteJobTable:
    """See `JobTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def begin(
        self,
        job: Record,
        window: float,
        admit: Callable[[list[Record], int], None],
        keep: int,
        seconds: float,
    ) -> None:
        browser, kind, now = job["browser"], job["kind"], self._connections.clock()
        with self._connections.writing() as connection:
            if is_forgotten(connection, browser):
                return
            running = connection.execute("SELECT * FROM jobs WHERE kind = ? AND ended IS NULL", (kind,))
            (recent,) = connection.execute(
                "SELECT count(*) FROM jobs WHERE browser = ? AND kind = ? AND at > ?",
                (browser, kind, now - window),
            ).fetchone()
            admit([{**row, "now": now} for row in running], recent)
            values = {**job, "at": now, "heartbeat": now, "until": now + seconds}
            connection.execute(_INSERT, [values[name] for name in _NAMES])
            excess = "SELECT id FROM jobs WHERE browser = ? AND kind = ? ORDER BY at DESC LIMIT -1 OFFSET ?"
            connection.execute(
                f"DELETE FROM jobs WHERE ended IS NOT NULL AND id IN ({excess})",  # noqa: S608
                (browser, kind, keep),
            )
            self._evict(connection, browser, now)

    def find(self, browser: str, id: str) -> Record | None:
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE browser = ? AND id = ?", (browser, id)
            ).fetchone()
        return None if row is None else {**row, "now": self._connections.clock()}

    def latest(self, browser: str, kind: str, count: int) -> list[Record]:
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM jobs WHERE browser = ? AND kind = ? ORDER BY at DESC, rowid DESC LIMIT ?",
                (browser, kind, count),
            )
            now = self._connections.clock()
            return [{**row, "now": now} for row in rows]

    def items(self, browser: str, id: str) -> list[str]:
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT item FROM job_items JOIN jobs ON jobs.id = job "
                "WHERE jobs.browser = ? AND job = ? ORDER BY number",
                (browser, id),
            )
            return [row["item"] for row in rows]

    def cancel(self, browser: str, id: str) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE jobs SET cancelled = 1 WHERE browser = ? AND id = ? AND ended IS NULL", (browser, id)
            )

    def release(self, browser: str, id: str, heartbeat: float) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE jobs SET heartbeat = 0 "
                "WHERE browser = ? AND id = ? AND ended IS NULL AND heartbeat = ?",
                (browser, id, heartbeat),
            )

    def write(self, id: str, state: str, items: Sequence[str], first: int, *, ended: bool) -> bool | None:
        at = self._connections.clock()
        with self._connections.writing() as connection:
            row = connection.execute("SELECT cancelled, browser FROM jobs WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET state = ?, heartbeat = ?, ended = ? WHERE id = ?",
                (state, at, at if ended else None, id),
            )
            connection.executemany(
                "INSERT INTO job_items (job, number, browser, item) VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                [(id, number, row["browser"], item) for number, item in enumerate(items, first)],
            )
            self._evict(connection, row["browser"], at)
            return bool(row["cancelled"])

    def _evict(self, connection: sqlite3.Connection, browser: str, now: float) -> None:
        quota = self._connections.quotas.jobs
        evict(connection, "jobs", browser, quota, alive_since=now - LEASE_SECONDS)
