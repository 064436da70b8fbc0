"""One-time tokens in SQLite."""

from __future__ import annotations

from ..backend import Record
from ..quotas import ROW_OVERHEAD_BYTES
from .connection import SqliteConnections
from .usage import evict, require_space_in

__all__ = ["SqliteTokenTable"]


class SqliteTokenTable:
    """See `TokenTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def claim(self, browser: str, token: str, owner: str, text: str, keep: float, placeholder: str) -> bool:
        # Durable: a power failure must not make it possible to send the form a second time.
        with self._connections.writing(durable=True) as connection:
            claimed = connection.execute(
                "SELECT 1 FROM tokens WHERE browser = ? AND token = ?", (browser, token)
            ).fetchone()
            if claimed:
                return False
            require_space_in(connection, "claims", browser, self._connections.quotas, ROW_OVERHEAD_BYTES)
            now = self._connections.clock()
            connection.execute(
                "INSERT INTO tokens (browser, token, at, until, owner, renewed, result) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (browser, token, now, now + keep, owner, now, text),
            )
            evict(connection, "results", browser, self._connections.quotas.results, placeholder=placeholder)
            return True

    def finish(self, browser: str, token: str, text: str, keep: float, placeholder: str) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE tokens SET result = ?, until = ? WHERE browser = ? AND token = ?",
                (text, self._connections.clock() + keep, browser, token),
            )
            evict(connection, "results", browser, self._connections.quotas.results, placeholder=placeholder)

    def renew(self, browser: str, token: str) -> None:
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE tokens SET renewed = ? WHERE browser = ? AND token = ?",
                (self._connections.clock(), browser, token),
            )

    def find(self, browser: str, token: str) -> Record | None:
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT owner, result, renewed FROM tokens WHERE browser = ? AND token = ?", (browser, token)
            ).fetchone()
        if row is None:
            return None
        age = self._connections.clock() - row["renewed"]
        return {"owner": row["owner"], "result": row["result"], "age": age}
