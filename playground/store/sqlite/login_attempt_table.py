"""Login attempts in SQLite: a row per address."""

from __future__ import annotations

from typing import Final

from ..backend import RateLimit
from .connection import SqliteConnections

__all__ = ["SqliteLoginAttemptTable"]

_SAVE: Final = "INSERT OR REPLACE INTO login_attempts (address, count, turn, until) VALUES (?, ?, ?, ?)"
_DELETE_EXCESS: Final = (
    "DELETE FROM login_attempts WHERE address IN "
    "(SELECT address FROM login_attempts ORDER BY until "
    "LIMIT max(0, (SELECT count(*) FROM login_attempts) - ?))"
)


class SqliteLoginAttemptTable:
    """See `LoginAttemptTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def reserve(self, address: str, now: float, limit: RateLimit, max_wait: float) -> float:
        with self._connections.writing() as connection:
            row = connection.execute(
                "SELECT count, turn, until FROM login_attempts WHERE address = ? AND until > ?",
                (address, now),
            ).fetchone()
            count, turn, until = row or (0, 0.0, now + limit.window)
            if count < limit.burst:
                wait = 0.0
            else:
                wait = max(turn - now, 0.0)
                if wait > max_wait:
                    return wait
                turn = now + wait + limit.interval
            connection.execute(_SAVE, (address, count + 1, turn, until))
            if row is None:
                connection.execute(_DELETE_EXCESS, (limit.max_addresses,))
            return wait

    def clear(self, address: str) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM login_attempts WHERE address = ?", (address,))
