"""Snapshots of workers in SQLite."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .quotas import make_room

if TYPE_CHECKING:
    from .database import SqliteDatabase

__all__ = ["SqliteWorkerTable"]


class SqliteWorkerTable:
    """See `WorkerTable`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def publish(self, settings: str, worker: str, text: str, keep: float) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO workers (settings, worker, until, text) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (settings, worker) DO UPDATE SET until = excluded.until, text = excluded.text",
                (settings, worker, time.time() + keep, text),
            )
            make_room(connection, "snapshots", settings, self._database.quotas.snapshots)

    def all(self, settings: str) -> dict[str, str]:
        with self._database.reading() as connection:
            rows = connection.execute("SELECT worker, text FROM workers WHERE settings = ?", (settings,))
            return {row["worker"]: row["text"] for row in rows}

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM workers WHERE settings = ? AND worker = ?",
                [(settings, worker) for worker in workers],
            )
