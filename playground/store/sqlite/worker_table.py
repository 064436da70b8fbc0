"""Snapshots of workers in SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from .connection import SqliteConnections
from .usage import evict

__all__ = ["SqliteWorkerTable"]


class SqliteWorkerTable:
    """See `WorkerTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def publish(self, settings: str, worker: str, text: str, keep: float) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "INSERT INTO workers (settings, worker, until, text) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (settings, worker) DO UPDATE SET until = excluded.until, text = excluded.text",
                (settings, worker, self._connections.clock() + keep, text),
            )
            evict(connection, "snapshots", settings, self._connections.quotas.snapshots)

    def all(self, settings: str) -> dict[str, str]:
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT worker, text FROM workers WHERE settings = ?", (settings,))
            return {row["worker"]: row["text"] for row in rows}

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        with self._connections.writing() as connection:
            connection.executemany(
                "DELETE FROM workers WHERE settings = ? AND worker = ?",
                [(settings, worker) for worker in workers],
            )
