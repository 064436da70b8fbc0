"""Logs of calls in Redis: per browser a list of numbers, and two hashes with rows and their details."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..backend import CALL_COLUMNS, CallQuery, LogLimits, Record
from .connection import RedisConnection
from .usage import LUA_LIBRARY, RedisUsage

__all__ = ["RedisCallTable"]

#: Numbers rows, adds them, and removes those that exceed a limit from the front; atomic for all workers.
#: An entry of the list is ``number|time of expiry``.
_APPEND: Final = (
    LUA_LIBRARY
    + """
local order, rows, details, numbers, forgotten = unpack(KEYS)
local owner, seconds, max_rows, per_browser, total, now, expires = unpack(ARGV, 1, 7)
local added = {}
if redis.call('ZSCORE', forgotten, owner) then return added end
for i = 8, #ARGV, 3 do
    local number, size = redis.call('INCR', numbers), tonumber(ARGV[i + 2])
    redis.call('RPUSH', order, number .. '|' .. expires)
    redis.call('HSET', rows, number, ARGV[i])
    redis.call('HSET', details, number, ARGV[i + 1])
    count('log', owner .. '|' .. number, size, number)
    added[#added + 1] = number
end
while redis.call('LLEN', order) > 0 do
    local number, until_ = string.match(redis.call('LINDEX', order, 0), '^(%d+)|(.+)$')
    if redis.call('LLEN', order) <= tonumber(max_rows) and tonumber(until_) >= tonumber(now) then break end
    redis.call('LPOP', order)
    redis.call('HDEL', rows, number)
    redis.call('HDEL', details, number)
    uncount('log', owner .. '|' .. number)
end
evict('log', owner, per_browser, total)
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], seconds) end
redis.call('EXPIRE', numbers, 2 * seconds)
return added
"""
)


class RedisCallTable:
    """See `CallTable`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._usage = RedisUsage(connection)
        self._append = connection.client.register_script(_APPEND)

    def append(self, browser: str, rows: Sequence[Mapping[str, Any]], limits: LogLimits) -> list[int]:
        now = self._connection.clock()
        values: list[Any] = [
            browser, int(limits.seconds), limits.rows, limits.bytes, limits.total, now, now + limits.seconds,
        ]  # fmt: skip
        for row in rows:
            values += [json.dumps([row[name] for name in CALL_COLUMNS]), row["detail"], row["size"]]
        with self._connection.translate_errors():
            numbers: list[int] = self._append(
                keys=[*self.keys_of(browser), self._connection.key("numbers"), self._connection.forgotten],
                args=values,
            )
            return numbers or [0] * len(rows)

    def latest(
        self, browser: str, query: CallQuery, limit: int, offset: int, *, whole: bool
    ) -> tuple[list[Record], int]:
        now = self._connection.clock()
        order, rows, details = self.keys_of(browser)
        with self._connection.translate_errors() as client:
            if query == CallQuery():
                total = client.llen(order)
                entries = (
                    client.lrange(order, -offset - limit, -offset - 1) if limit and total > offset else []
                )
                numbers = _numbers(entries, now)
            else:
                entries, every = client.pipeline().lrange(order, 0, -1).hgetall(rows).execute()
                found = [number for number in _numbers(entries, now) if _matches(every.get(number), query)]
                total, numbers = len(found), found[offset : offset + limit]
            if not numbers:
                return [], total
            pipe = client.pipeline().hmget(rows, numbers)
            texts, long = (pipe.hmget(details, numbers) if whole else pipe).execute() + (
                [] if whole else [[]]
            )
        records = [
            _record(number, text, long[at] if whole else None)
            for at, (number, text) in enumerate(zip(numbers, texts, strict=True))
            # Another request may have removed it in between.
            if text is not None and (not whole or long[at] is not None)
        ]
        return records, total

    def find(self, browser: str, number: int) -> Record | None:
        _, rows, details = self.keys_of(browser)
        with self._connection.translate_errors() as client:
            text, detail = client.pipeline().hget(rows, str(number)).hget(details, str(number)).execute()
        return None if text is None or detail is None else _record(str(number), text, detail)

    def addresses(self, browser: str) -> list[str]:
        now = self._connection.clock()
        order, rows, _ = self.keys_of(browser)
        with self._connection.translate_errors() as client:
            entries, every = client.pipeline().lrange(order, 0, -1).hgetall(rows).execute()
        found = {_fields(every[number])["address"] for number in _numbers(entries, now) if number in every}
        return sorted(found - {""})

    def clear(self, browser: str) -> None:
        with self._connection.translate_errors() as client:
            client.delete(*self.keys_of(browser))
        self._usage.forget(browser, "log")

    def keys_of(self, browser: str) -> list[str]:
        """The keys of a browser's log."""
        return [self._connection.key("calls", browser, name) for name in ("order", "rows", "details")]


def _numbers(entries: list[str], now: float) -> list[str]:
    """The numbers of entries that have not expired, latest first."""
    split = (entry.split("|") for entry in reversed(entries))
    return [number for number, until in split if float(until) >= now]


def _record(number: str, text: str, detail: str | None) -> Record:
    return {"id": int(number), "detail": detail, **_fields(text)}


def _fields(text: str) -> Record:
    return dict(zip(CALL_COLUMNS, json.loads(text), strict=True))


def _matches(text: str | None, query: CallQuery) -> bool:
    if text is None:
        return False
    row = _fields(text)
    for name in ("method", "page", "path", "target", "endpoint", "address"):
        if getattr(query, name) and row[name] != getattr(query, name):
            return False
    if query.sources and row["source"] not in query.sources:
        return False
    word = query.text.lower()
    if word and not any(word in (row[name] or "").lower() for name in ("path", "line", "request_id")):
        return False
    if query.slower_than is not None and row["elapsed"] <= query.slower_than:
        return False
    if query.since is not None and row["at"] <= query.since:
        return False
    return _has_status(row, query.status)


def _has_status(row: Mapping[str, Any], status: str) -> bool:
    if status == "ok":
        return row["error"] is None
    if status == "error":
        return row["error"] is not None
    if status == "retried":
        return bool(row["attempts"] > 1)
    if status == "cached":
        return row["cache"] in ("hit", "stale")
    return not status.isdecimal() or row["status"] == int(status)
