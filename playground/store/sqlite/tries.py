"""Tries to log in, in SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import SqliteDatabase

__all__ = ["Tries"]


class Tries:
    """See `TryTable`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def claim(
        self, address: str, now: float, window: float, wait: Callable[[list[float], list[float]], float]
    ) -> float:
        with self._database.writing() as connection:
            rows = connection.execute(
                "SELECT address, at FROM tries WHERE at > ? ORDER BY at", (now - window,)
            ).fetchall()
            seconds = wait(
                [row["at"] for row in rows if row["address"] == address], [row["at"] for row in rows]
            )
            if not seconds:
                connection.execute(
                    "INSERT INTO tries (address, at, until) VALUES (?, ?, ?)", (address, now, now + window)
                )
            return seconds

    def clear(self, address: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM tries WHERE address = ?", (address,))
