"""Logs of calls in SQLite, which filters and pages them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..backend import CALL_COLUMNS, CallQuery, LogLimits, Record
from ..quotas import Quota
from .browser_table import is_forgotten
from .connection import SqliteConnections
from .usage import evict

__all__ = ["SqliteCallTable"]

_NAMES: Final = ("browser", "until", "size", *CALL_COLUMNS, "detail")
_INSERT: Final = f"INSERT INTO calls ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608

#: Id of the first row that exceeds the limit, counted from the latest.
_FIRST_EXCESS: Final = "SELECT id FROM calls WHERE browser = ? ORDER BY id DESC LIMIT 1 OFFSET ?"


class SqliteCallTable:
    """See `CallTable`."""

    def __init__(self, connections: SqliteConnections) -> None:
        self._connections = connections

    def append(self, browser: str, rows: Sequence[Mapping[str, Any]], limits: LogLimits) -> list[int]:
        until = self._connections.clock() + limits.seconds
        with self._connections.writing() as connection:
            if is_forgotten(connection, browser):
                return [0] * len(rows)
            numbers = []
            for row in rows:
                columns = [row[name] for name in CALL_COLUMNS]
                values = (browser, until, row["size"], *columns, row["detail"])
                numbers.append(connection.execute(_INSERT, values).lastrowid or 0)
            connection.execute(
                f"DELETE FROM calls WHERE browser = ? AND id <= ({_FIRST_EXCESS})",  # noqa: S608
                (browser, browser, limits.rows),
            )
            evict(connection, "log", browser, Quota(limits.bytes, limits.total))
        return numbers

    def latest(
        self, browser: str, query: CallQuery, limit: int, offset: int, *, whole: bool
    ) -> tuple[list[Record], int]:
        condition, values = _where(browser, query, self._connections.clock())
        names = ", ".join(("id", *CALL_COLUMNS, "detail" if whole else "NULL AS detail"))
        with self._connections.reading() as connection:
            (total,) = connection.execute(
                f"SELECT count(*) FROM calls WHERE {condition}",  # noqa: S608
                values,
            ).fetchone()
            rows = connection.execute(
                f"SELECT {names} FROM calls WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
                (*values, limit, offset),
            ).fetchall()
        return [dict(row) for row in rows], total

    def find(self, browser: str, number: int) -> Record | None:
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT * FROM calls WHERE browser = ? AND id = ?", (browser, number)
            ).fetchone()
        return None if row is None else dict(row)

    def addresses(self, browser: str) -> list[str]:
        with self._connections.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT address FROM calls "
                "WHERE browser = ? AND until >= ? AND address <> '' ORDER BY address",
                (browser, self._connections.clock()),
            )
            return [row["address"] for row in rows]

    def clear(self, browser: str) -> None:
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM calls WHERE browser = ?", (browser,))
        self._connections.wipe()


def _where(browser: str, query: CallQuery, now: float) -> tuple[str, list[Any]]:
    where, values = ["browser = ?", "until >= ?"], [browser, now]  # type: tuple[list[str], list[Any]]

    def add(condition: str, *more: Any) -> None:
        where.append(condition)
        values.extend(more)

    for name in ("method", "page", "path", "target", "endpoint", "address"):
        if getattr(query, name):
            add(f"{name} = ?", getattr(query, name))
    if query.sources:
        add(f"source IN ({', '.join('?' * len(query.sources))})", *query.sources)
    if query.text:
        text = query.text.lower()
        add("(instr(lower(path), ?) OR instr(lower(line), ?) OR instr(lower(request_id), ?))", *[text] * 3)
    if query.status == "ok":
        add("error IS NULL")
    elif query.status == "error":
        add("error IS NOT NULL")
    elif query.status == "retried":
        add("attempts > 1")
    elif query.status == "cached":
        add("cache IN ('hit', 'stale')")
    elif query.status.isdecimal():
        add("status = ?", int(query.status))
    if query.slower_than is not None:
        add("elapsed > ?", query.slower_than)
    if query.since is not None:
        add("at > ?", query.since)
    return " AND ".join(where), values
