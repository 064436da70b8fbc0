"""One-time tokens in SQLite."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..quotas import ROW_OVERHEAD_BYTES
from .quotas import claim_room, make_room

if TYPE_CHECKING:
    from .database import SqliteDatabase

__all__ = ["SqliteTokenTable"]


class SqliteTokenTable:
    """See `TokenTable`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def claim(self, browser: str, token: str, owner: str, keep: float) -> bool:
        # Durable: after a power failure the change must not be made a second time.
        with self._database.writing(durable=True) as connection:
            taken = connection.execute(
                "SELECT 1 FROM tokens WHERE browser = ? AND token = ?", (browser, token)
            ).fetchone()
            if taken:
                return False
            claim_room(connection, "claims", browser, self._database.quotas, ROW_OVERHEAD_BYTES)
            now = time.time()
            connection.execute(
                "INSERT INTO tokens (browser, token, at, until, owner) VALUES (?, ?, ?, ?, ?)",
                (browser, token, now, now + keep, owner),
            )
            return True

    def finish(self, browser: str, token: str, text: str, keep: float, gone: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE tokens SET result = ?, until = ? WHERE browser = ? AND token = ?",
                (text, time.time() + keep, browser, token),
            )
            make_room(connection, "results", browser, self._database.quotas.results, gone=gone)

    def find(self, browser: str, token: str) -> tuple[str | None, str | None]:
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT owner, result FROM tokens WHERE browser = ? AND token = ?", (browser, token)
            ).fetchone()
        return (None, None) if row is None else (row["owner"], row["result"])
