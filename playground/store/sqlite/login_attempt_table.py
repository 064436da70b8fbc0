"""Tries to log in, in SQLite: a row per address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..login_attempts import RateLimit
    from .database import SqliteDatabase

__all__ = ["SqliteLoginAttemptTable"]

_SAVE: Final = "INSERT OR REPLACE INTO tries (address, count, turn, until) VALUES (?, ?, ?, ?)"
_TOO_MANY: Final = (
    "DELETE FROM tries WHERE address IN "
    "(SELECT address FROM tries ORDER BY until LIMIT max(0, (SELECT count(*) FROM tries) - ?))"
)


class SqliteLoginAttemptTable:
    """See `LoginAttemptTable`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def take(self, address: str, now: float, pace: RateLimit, longest: float) -> float:
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT count, turn, until FROM tries WHERE address = ? AND until > ?", (address, now)
            ).fetchone()
            count, turn, until = row or (0, 0.0, now + pace.window)
            if count < pace.free:
                wait = 0.0
            else:
                wait = max(turn - now, 0.0)
                if wait > longest:
                    return wait
                turn = now + wait + pace.spacing
            connection.execute(_SAVE, (address, count + 1, turn, until))
            if row is None:
                connection.execute(_TOO_MANY, (pace.most,))
            return wait

    def clear(self, address: str) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM tries WHERE address = ?", (address,))
