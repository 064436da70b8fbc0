"""The request log: one row per call of the SDK, kept per browser."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..formatting import without_surrogates
from .backend import CALL_COLUMNS, CallQuery, CallSource, Database, LogLimits, Record
from .quotas import ROW_OVERHEAD_BYTES

__all__ = ["CallRow", "RequestLog"]

#: Maximum length of a row's detail, and of any other text of it, in characters.
_MAX_DETAIL: Final = 256 * 1024
_MAX_TEXT: Final = 16 * 1024

#: Fields of a detail that are replaced, in this order, when it is too long.
_REPLACEMENTS: Final[tuple[tuple[str, Any], ...]] = (
    ("answer", "(not kept: the call is too long for the log)"),
    ("headers", {}), ("attempts", []), ("body", None), ("message", None), ("params", {}),
)  # fmt: skip


@dataclass(frozen=True)
class CallRow:
    """One call of the log.

    Attributes:
        id: Its number in the log.
        at: When it began, seconds since 1970.
        target: Label of the API target.
        source: What made it.
        page: Page that made it, or the page of its job.
        line: The call as a line of Python.
        method: HTTP method.
        path: Path below the endpoint.
        status: Final HTTP status, or None.
        error: Name of the SDK's error class, or None.
        elapsed: Seconds, including waits.
        attempts: Number of attempts.
        retries: Number of waits before another attempt.
        failovers: Number of attempts at another endpoint because one had failed.
        endpoint: Endpoint of the last attempt; empty when nothing was sent.
        address: The endpoint that sent the answer, also one from the cache; without an answer as `endpoint`.
        request_id: The API's id, or None.
        in_use: Connections of the pool in use when it began, including its own; None without a pool.
        cache: How the client's cache answered: ``hit``, ``miss`` or ``stale``; None for a call that does not
            use it.
        detail: The rest: params, body, headers, answer, timeline; empty unless whole rows were requested.
    """

    id: int
    at: float
    target: str
    source: CallSource
    page: str
    line: str
    method: str
    path: str
    status: int | None
    error: str | None
    elapsed: float
    attempts: int
    retries: int
    failovers: int
    endpoint: str
    address: str
    request_id: str | None
    in_use: int | None
    cache: str | None
    detail: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.error is None


class RequestLog:
    """The log of one browser.

    Args:
        database: Where it is kept.
        browser: Id of the browser.
        limits: How much of it is kept; by default what follows from the quotas of the store.
    """

    def __init__(self, database: Database, browser: str, limits: LogLimits | None = None) -> None:
        self._table, self._browser = database.calls, browser
        self._limits = limits or LogLimits.of(database.quotas)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows, each with the fields of `CallRow` except `id`; returns their ids."""
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
        target: str = "",
        endpoint: str = "",
        address: str = "",
        sources: Sequence[str] = (),
    ) -> tuple[list[CallRow], int]:
        """Calls, latest first, and how many there are in all.

        Args:
            limit: Maximum number of rows.
            offset: Rows to skip.
            whole: With `CallRow.detail`, which is long.
            method: See `CallQuery`, also for the arguments that follow.
        """
        text, path, address = map(without_surrogates, (text, path, address))
        query = CallQuery(
            method=method, text=text, status=status, slower_than=slower_than, since=since, page=page,
            path=path, target=target, endpoint=endpoint, address=address, sources=tuple(sources),
        )  # fmt: skip
        records, total = self._table.latest(self._browser, query, limit, offset, whole=whole)
        return [_row(record) for record in records], total

    def find(self, number: int) -> CallRow | None:
        """One call of this browser with its detail, or None."""
        record = self._table.find(self._browser, number)
        return None if record is None else _row(record)

    def addresses(self) -> list[str]:
        """The endpoints that the calls were made to, sorted."""
        return self._table.addresses(self._browser)

    def last_answer(self, path: str, params: dict[str, str], target: str) -> Any:
        """The answer of the latest successful GET in the log; None when there is none.

        Args:
            path: Path below the endpoint.
            params: Query parameters.
            target: Label of the API target.
        """
        rows, _ = self.latest(5, whole=True, method="GET", path=path, target=target, status="ok")
        return next((row.detail["answer"] for row in rows if row.detail["params"] == params), None)

    def clear(self) -> None:
        """Remove every row of this browser."""
        self._table.clear(self._browser)


def _row(record: Record) -> CallRow:
    detail = record["detail"]
    return CallRow(
        id=record["id"],
        detail={} if detail is None else json.loads(detail),
        **{name: record[name] for name in CALL_COLUMNS},
    )


def _record(row: Mapping[str, Any]) -> Record:
    """A row as it is saved: with bounded texts that every backend accepts, and its size in bytes."""
    record = {
        name: without_surrogates(value[:_MAX_TEXT]) if isinstance(value, str) else value
        for name, value in row.items()
        if name != "detail"
    }
    detail = dict(row["detail"])
    text = json.dumps(detail)
    for name, replacement in _REPLACEMENTS:
        if len(text) <= _MAX_DETAIL:
            break
        if name in detail:
            detail[name] = replacement
            text = json.dumps(detail)
    texts = (value for value in record.values() if isinstance(value, str))
    size = len(text) + sum(len(value.encode()) for value in texts)
    return {**record, "detail": text, "size": size + ROW_OVERHEAD_BYTES}
