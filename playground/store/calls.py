"""The request log: one row per call of the SDK, kept per browser."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .database import Database

__all__ = ["CallRow", "Calls"]

#: Rows kept per browser, and for how long.
_MOST_ROWS: Final = 1000
_MOST_SECONDS: Final = 12 * 3600

_COLUMNS: Final = (
    "at", "source", "page", "line", "method", "path", "status", "error", "elapsed", "attempts",
    "endpoint", "request_id", "in_use",
)  # fmt: skip


@dataclass(frozen=True)
class CallRow:
    """One call as the log shows it.

    Attributes:
        id: Its number in the log.
        at: When it began, seconds since 1970.
        source: Label of the source it went to.
        page: Page that made it.
        line: The Python line.
        method: HTTP method.
        path: Path below the endpoint.
        status: Final HTTP status, or None.
        error: Class of the SDK's error, or None.
        elapsed: Seconds, waits included.
        attempts: How many attempts.
        endpoint: Endpoint of the last attempt.
        request_id: The API's id, or None.
        in_use: Connections of the pool in use when it began, itself included; None without a pool.
        detail: The rest: params, body, headers, answer, timeline; only when asked for alone.
    """

    id: int
    at: float
    source: str
    page: str
    line: str
    method: str
    path: str
    status: int | None
    error: str | None
    elapsed: float
    attempts: int
    endpoint: str
    request_id: str | None
    in_use: int | None
    detail: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.error is None


class Calls:
    """The log of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._database, self._browser = database, browser

    def append(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        """Add rows, each with the fields of `CallRow` but `id`; returns their numbers."""
        if not rows:
            return []
        names = ("browser", *_COLUMNS, "detail")
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO calls ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
        with self._database.connect() as connection:
            numbers = [
                connection.execute(
                    statement,
                    (self._browser, *(row[name] for name in _COLUMNS), json.dumps(row["detail"])),
                ).lastrowid
                or 0
                for row in rows
            ]
            oldest = "SELECT id FROM calls WHERE browser = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
            connection.execute(
                f"DELETE FROM calls WHERE browser = ? AND id <= ({oldest})",  # noqa: S608
                (self._browser, self._browser, _MOST_ROWS),
            )
            connection.execute("DELETE FROM calls WHERE at < ?", (time.time() - _MOST_SECONDS,))
        return numbers

    def latest(
        self,
        limit: int,
        *,
        offset: int = 0,
        method: str = "",
        text: str = "",
        status: str = "",
        slower_than: float | None = None,
        since: float | None = None,
        page: str = "",
    ) -> tuple[list[CallRow], int]:
        """Calls, latest first, and how many there are in all.

        Args:
            limit: Most rows.
            offset: Rows to pass over.
            method: Only this HTTP method.
            text: Only calls whose path, line or request id contains this.
            status: ``ok``, ``error``, ``retried``, or a status code.
            slower_than: Only calls that took more seconds.
            since: Only calls begun after this time.
            page: Only calls made by this page.
        """
        where, values = ["browser = ?"], [self._browser]  # type: tuple[list[str], list[Any]]
        if method:
            where.append("method = ?")
            values.append(method)
        if text:
            where.append("(instr(lower(path), ?) OR instr(lower(line), ?) OR instr(lower(request_id), ?))")
            values += [text.lower()] * 3
        if status == "ok":
            where.append("error IS NULL")
        elif status == "error":
            where.append("error IS NOT NULL")
        elif status == "retried":
            where.append("attempts > 1")
        elif status.isdigit():
            where.append("status = ?")
            values.append(int(status))
        if slower_than is not None:
            where.append("elapsed > ?")
            values.append(slower_than)
        if since is not None:
            where.append("at > ?")
            values.append(since)
        if page:
            where.append("page = ?")
            values.append(page)
        condition = " AND ".join(where)
        with self._database.connect() as connection:
            (total,) = connection.execute(f"SELECT count(*) FROM calls WHERE {condition}", values).fetchone()  # noqa: S608
            rows = connection.execute(
                f"SELECT * FROM calls WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
                (*values, limit, offset),
            ).fetchall()
        return [_row(row) for row in rows], total

    def find(self, number: int) -> CallRow | None:
        """One call of this browser, or None."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT * FROM calls WHERE browser = ? AND id = ?", (self._browser, number)
            ).fetchone()
        return None if row is None else _row(row)

    def last_answer(self, path: str, params: dict[str, str], source: str) -> Any:
        """The last answer of a GET that is kept; None when there is none.

        Args:
            path: Path below the endpoint.
            params: Its query.
            source: Label of the source it was asked of.
        """
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT detail FROM calls WHERE browser = ? AND method = 'GET' AND path = ? AND source = ? "
                "AND error IS NULL ORDER BY id DESC LIMIT 5",
                (self._browser, path, source),
            ).fetchall()
        details = (json.loads(row["detail"]) for row in rows)
        return next((detail["answer"] for detail in details if detail["params"] == params), None)

    def clear(self) -> None:
        """Remove every row of this browser."""
        with self._database.connect() as connection:
            connection.execute("DELETE FROM calls WHERE browser = ?", (self._browser,))


def _row(row: sqlite3.Row) -> CallRow:
    return CallRow(id=row["id"], detail=json.loads(row["detail"]), **{name: row[name] for name in _COLUMNS})
