"""The request log: one row per call of the SDK, kept per browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..formatting import without_surrogates
from .backend import Database, Record
from .quotas import ROW_OVERHEAD_BYTES, StoreQuotas

__all__ = ["COLUMNS", "CallQuery", "CallRow", "LogLimits", "RequestLog"]

#: What every view of the log shows; the rest of a row is its `detail`.
COLUMNS: Final = (
    "at", "source", "page", "line", "method", "path", "status", "error", "elapsed", "attempts",
    "endpoint", "request_id", "in_use",
)  # fmt: skip


@dataclass(frozen=True)
class LogLimits:
    """How much of a log is kept.

    Attributes:
        rows: Rows of one browser.
        bytes: Bytes of one browser.
        seconds: Age of a row.
        total: Bytes of all browsers together.
    """

    rows: int = 1000
    bytes: int = 16 * 1024 * 1024
    seconds: float = 12 * 3600.0
    total: int = 128 * 1024 * 1024

    @classmethod
    def of(cls, quotas: StoreQuotas) -> LogLimits:
        """Those that follow from the quotas of the store."""
        return cls(bytes=quotas.log.per_browser, total=quotas.log.total)


#: How long a row may be: its detail, and any other text of it.
_MAX_DETAIL: Final = 256 * 1024
_MAX_TEXT: Final = 16 * 1024

#: What of a detail is left out, in this order, when it is too long.
_LONG: Final[tuple[tuple[str, Any], ...]] = (
    ("answer", "(not kept: the log has no room for a call as long as this)"),
    ("headers", {}), ("attempts", []), ("body", None), ("message", None), ("params", {}),
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
        detail: The rest: params, body, headers, answer, timeline; empty unless whole rows were asked for.
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


@dataclass(frozen=True)
class CallQuery:
    """Which rows are wanted; what is empty or None asks for nothing.

    Attributes:
        method: Only this HTTP method.
        text: Only calls whose path, line or request id contains this, in any case.
        status: ``ok``, ``error``, ``retried``, or a status code.
        slower_than: Only calls that took more seconds.
        since: Only calls begun after this time.
        page: Only calls made by this page.
        path: Only calls of this very path.
        source: Only calls to this source.
        endpoint: Only calls whose last attempt went to this endpoint.
    """

    method: str = ""
    text: str = ""
    status: str = ""
    slower_than: float | None = None
    since: float | None = None
    page: str = ""
    path: str = ""
    source: str = ""
    endpoint: str = ""


class RequestLog:
    """The log of one browser.

    Args:
        database: Where it is kept.
        browser: Whose it is.
        limits: How much of it is kept; by default what the store has for it.
    """

    def __init__(self, database: Database, browser: str, limits: LogLimits | None = None) -> None:
        self._table, self._browser = database.calls, browser
        self._limits = limits or LogLimits.of(database.quotas)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows, each with the fields of `CallRow` but `id`; returns their numbers."""
        if not rows:
            return []
        return self._table.append(self._browser, [_record(row) for row in rows], self._limits)

    def latest(
        self,
        limit: int,
        *,
        offset: int = 0,
        whole: bool = False,
        method: str = "",
        text: str = "",
        status: str = "",
        slower_than: float | None = None,
        since: float | None = None,
        page: str = "",
        path: str = "",
        source: str = "",
        endpoint: str = "",
    ) -> tuple[list[CallRow], int]:
        """RequestLog, latest first, and how many there are in all.

        Args:
            limit: Most rows.
            offset: Rows to pass over.
            whole: With `CallRow.detail`, which is long.
            method: See `CallQuery`, as for all that follow.
        """
        text, path = without_surrogates(text), without_surrogates(path)
        query = CallQuery(method, text, status, slower_than, since, page, path, source, endpoint)
        records, total = self._table.latest(self._browser, query, limit, offset, whole=whole)
        return [_row(record) for record in records], total

    def find(self, number: int) -> CallRow | None:
        """One call of this browser, whole, or None."""
        record = self._table.find(self._browser, number)
        return None if record is None else _row(record)

    def last_answer(self, path: str, params: dict[str, str], source: str) -> Any:
        """The last answer of a GET that is kept; None when there is none.

        Args:
            path: Path below the endpoint.
            params: Its query.
            source: Label of the source it was asked of.
        """
        rows, _ = self.latest(5, whole=True, method="GET", path=path, source=source, status="ok")
        return next((row.detail["answer"] for row in rows if row.detail["params"] == params), None)

    def clear(self) -> None:
        """Remove every row of this browser."""
        self._table.clear(self._browser)


def _row(record: Record) -> CallRow:
    detail = record["detail"]
    return CallRow(
        id=record["id"],
        detail={} if detail is None else json.loads(detail),
        **{name: record[name] for name in COLUMNS},
    )


def _record(row: Mapping[str, Any]) -> Record:
    """A row as it is kept: bounded, in texts that every store takes, with its size in bytes."""
    record = {
        name: without_surrogates(value[:_MAX_TEXT]) if isinstance(value, str) else value
        for name, value in row.items()
        if name != "detail"
    }
    detail = dict(row["detail"])
    text = json.dumps(detail)
    for name, instead in _LONG:
        if len(text) <= _MAX_DETAIL:
            break
        if name in detail:
            detail[name] = instead
            text = json.dumps(detail)
    texts = (value for value in record.values() if isinstance(value, str))
    size = len(text) + sum(len(value.encode()) for value in texts)
    return {**record, "detail": text, "size": size + ROW_OVERHEAD_BYTES}
