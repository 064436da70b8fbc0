"""Logs of calls in Redis: per browser a list of numbers, and two hashes with rows and their details."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..backend import Record
from ..request_log import COLUMNS, CallQuery, LogLimits
from .quotas import LIBRARY

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["RedisCallTable"]

#: Numbers rows, adds them, and drops from the front what is over a limit; one step for all workers.
#: An entry of the list is ``number|time of expiry``.
_APPEND: Final = (
    LIBRARY
    + """
local order, rows, details, numbers, forgotten = unpack(KEYS)
local owner, seconds, most_rows, mine, every, now, expires = unpack(ARGV, 1, 7)
local made = {}
if redis.call('ZSCORE', forgotten, owner) then return made end
for i = 8, #ARGV, 3 do
    local number, size = redis.call('INCR', numbers), tonumber(ARGV[i + 2])
    redis.call('RPUSH', order, number .. '|' .. expires)
    redis.call('HSET', rows, number, ARGV[i])
    redis.call('HSET', details, number, ARGV[i + 1])
    note('log', owner .. '|' .. number, size, number)
    made[#made + 1] = number
end
while redis.call('LLEN', order) > 0 do
    local number, until_ = string.match(redis.call('LINDEX', order, 0), '^(%d+)|(.+)$')
    if redis.call('LLEN', order) <= tonumber(most_rows) and tonumber(until_) >= tonumber(now) then break end
    redis.call('LPOP', order)
    redis.call('HDEL', rows, number)
    redis.call('HDEL', details, number)
    forget('log', owner .. '|' .. number)
end
make_room('log', owner, mine, every)
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], seconds) end
redis.call('EXPIRE', numbers, 2 * seconds)
return made
"""
)


class RedisCallTable:
    """See `CallTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._append = database.client.register_script(_APPEND)

    def append(self, browser: str, rows: Sequence[Mapping[str, Any]], limits: LogLimits) -> list[int]:
        now = time.time()
        values: list[Any] = [
            browser, int(limits.seconds), limits.rows, limits.bytes, limits.total, now, now + limits.seconds,
        ]  # fmt: skip
        for row in rows:
            values += [json.dumps([row[name] for name in COLUMNS]), row["detail"], row["size"]]
        with self._database.translate_errors():
            numbers: list[int] = self._append(
                keys=[*self.keys_of(browser), self._database.key("numbers"), self._database.forgotten],
                args=values,
            )
            return numbers or [0] * len(rows)

    def latest(
        self, browser: str, query: CallQuery, limit: int, offset: int, *, whole: bool
    ) -> tuple[list[Record], int]:
        order, rows, details = self.keys_of(browser)
        with self._database.translate_errors() as client:
            if query == CallQuery():
                total = client.llen(order)
                entries = client.lrange(order, -offset - limit, -offset - 1) if total > offset else []
                numbers = _numbers(entries)
            else:
                entries, every = client.pipeline().lrange(order, 0, -1).hgetall(rows).execute()
                found = [number for number in _numbers(entries) if _matches(every.get(number), query)]
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
            # Another request may have dropped it in between.
            if text is not None and (not whole or long[at] is not None)
        ]
        return records, total

    def find(self, browser: str, number: int) -> Record | None:
        _, rows, details = self.keys_of(browser)
        with self._database.translate_errors() as client:
            text, detail = client.pipeline().hget(rows, str(number)).hget(details, str(number)).execute()
        return None if text is None or detail is None else _record(str(number), text, detail)

    def clear(self, browser: str) -> None:
        with self._database.translate_errors() as client:
            client.delete(*self.keys_of(browser))
        self._database.room.forget(browser, "log")

    def keys_of(self, browser: str) -> list[str]:
        """The keys of a browser's log."""
        return [self._database.key("calls", browser, name) for name in ("order", "rows", "details")]


def _numbers(entries: list[str]) -> list[str]:
    """The numbers of entries that have not expired, latest first."""
    now = time.time()
    split = (entry.split("|") for entry in reversed(entries))
    return [number for number, until in split if float(until) >= now]


def _record(number: str, text: str, detail: str | None) -> Record:
    return {"id": int(number), "detail": detail, **dict(zip(COLUMNS, json.loads(text), strict=True))}


def _matches(text: str | None, query: CallQuery) -> bool:
    if text is None:
        return False
    row = dict(zip(COLUMNS, json.loads(text), strict=True))
    for name in ("method", "page", "path", "source", "endpoint"):
        if getattr(query, name) and row[name] != getattr(query, name):
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
    return not status.isdecimal() or row["status"] == int(status)
