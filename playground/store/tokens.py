"""One-time tokens of forms: the first use acts, every later one is shown what came of the first."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from .database import Database

__all__ = ["Tokens"]

#: An operator's tab stays open for days; the token behind Back must still be known.
_KEPT_SECONDS: Final = 7 * 24 * 3600


class Tokens:
    """The tokens of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._database, self._browser = database, browser

    def claim(self, token: str) -> bool:
        """Use a token; True for exactly one caller, in whichever worker, False for all others."""
        now = time.time()
        with self._database.connect() as connection:
            connection.execute("DELETE FROM tokens WHERE at < ?", (now - _KEPT_SECONDS,))
            cursor = connection.execute(
                "INSERT INTO tokens (browser, token, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (self._browser, token, now),
            )
            return cursor.rowcount == 1

    def finish(self, token: str, result: dict[str, Any]) -> None:
        """Keep what came of it."""
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE tokens SET result = ? WHERE browser = ? AND token = ?",
                (json.dumps(result), self._browser, token),
            )

    def result(self, token: str) -> dict[str, Any] | None:
        """What came of it; None when it is unknown or still under way."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT result FROM tokens WHERE browser = ? AND token = ?", (self._browser, token)
            ).fetchone()
        if row is None or row["result"] is None:
            return None
        found: dict[str, Any] = json.loads(row["result"])
        return found

    def is_claimed(self, token: str) -> bool:
        """Whether it was used, though what came of it may not be known."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT 1 FROM tokens WHERE browser = ? AND token = ?", (self._browser, token)
            ).fetchone()
        return row is not None
