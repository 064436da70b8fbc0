"""Jobs in Redis: a hash and a list of items per job, sorted sets of ids by the time they began."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ..backend import LEASE_SECONDS, Record
from .connection import RedisConnection
from .server_time import LUA_TIME, server_time
from .usage import LUA_LIBRARY, quota_args

__all__ = ["RedisJobTable"]

#: Writes only to a job that still exists, and each item once even when the command is sent twice.
_WRITE: Final = (
    LUA_LIBRARY
    + LUA_TIME
    + """
local job, items, running = unpack(KEYS)
local id, state, has_ended, first, lease, per_browser, total = unpack(ARGV, 1, 7)
if redis.call('EXISTS', job) == 0 then return -1 end
local at = server_time()
local ended = has_ended == '1' and at or ''
redis.call('HSET', job, 'state', state, 'heartbeat', at, 'ended', ended)
local present = redis.call('LLEN', items)
for i = 8, #ARGV do
    if tonumber(first) + i - 8 >= present then
        redis.call('RPUSH', items, ARGV[i])
        redis.call('HINCRBY', job, 'collected', #ARGV[i] + ITEM)
    end
end
local left = redis.call('TTL', job)
if left > 0 then redis.call('EXPIRE', items, left) end
if ended ~= '' then redis.call('ZREM', running, id) end
local cancelled = tonumber(redis.call('HGET', job, 'cancelled'))
local owner, began, about, collected = unpack(redis.call('HMGET', job, 'browser', 'at', 'about', 'collected'))
count('jobs', owner .. '|' .. id, #about + #state + tonumber(collected or '0') + ROW, began)
evict('jobs', owner, per_browser, total, '', tonumber(at) - lease)
return cancelled
"""
)

_CANCEL: Final = """
if redis.call('HGET', KEYS[1], 'browser') == ARGV[1] and redis.call('HGET', KEYS[1], 'ended') == '' then
    redis.call('HSET', KEYS[1], 'cancelled', 1)
end
"""

_RELEASE: Final = """
local browser, heartbeat = unpack(ARGV)
local owner, ended, latest = unpack(redis.call('HMGET', KEYS[1], 'browser', 'ended', 'heartbeat'))
if owner == browser and ended == '' and tonumber(latest) == tonumber(heartbeat) then
    redis.call('HSET', KEYS[1], 'heartbeat', 0)
end
"""


class RedisJobTable:
    """See `JobTable`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._write = connection.client.register_script(_WRITE)
        self._cancel = connection.client.register_script(_CANCEL)
        self._release = connection.client.register_script(_RELEASE)

    def begin(
        self,
        job: Record,
        window: float,
        admit: Callable[[list[Record], int], None],
        keep: int,
        seconds: float,
    ) -> None:
        running, own = self._running(job["kind"]), self._of_browser(job["browser"], job["kind"])

        def change(pipe: Any) -> None:
            pipe.watch(self._connection.forgotten)
            if pipe.zscore(self._connection.forgotten, job["browser"]) is not None:
                pipe.multi()
                return
            now = server_time(pipe.time())
            ids = pipe.zrange(running, 0, -1)
            known = {id: _record(pipe.hgetall(self._job(id)), now) for id in ids}
            recent = pipe.zcount(own, f"({now - window}", "+inf")
            admit([record for record in known.values() if record], recent)
            kept = {id: _record(pipe.hgetall(self._job(id)), now) for id in pipe.zrevrange(own, 0, -1)}
            # Expired jobs, and the oldest of those that have ended.
            old = [
                id
                for at, (id, record) in enumerate(kept.items())
                if record is None or (record["ended"] is not None and at >= keep - 1)
            ]
            lost = [id for id, record in known.items() if record is None]
            pipe.multi()
            pipe.hset(self._job(job["id"]), mapping=_fields({**job, "at": now, "heartbeat": now}))
            pipe.expire(self._job(job["id"]), int(seconds))
            for key in (running, own):
                pipe.zadd(key, {job["id"]: now})
                pipe.expire(key, int(seconds))
            kinds = self._kinds(job["browser"])
            pipe.sadd(kinds, job["kind"]).expire(kinds, int(seconds))
            if lost:
                pipe.zrem(running, *lost)
            if old:
                pipe.zrem(own, *old)
                pipe.delete(*(name for id in old for name in (self._job(id), self._items(id))))

        self._connection.transaction(running, change)

    def find(self, browser: str, id: str) -> Record | None:
        with self._connection.translate_errors() as client, client.pipeline() as pipe:
            fields, time = pipe.hgetall(self._job(id)).time().execute()
        record = _record(fields, server_time(time))
        return record if record and record["browser"] == browser else None

    def latest(self, browser: str, kind: str, count: int) -> list[Record]:
        with self._connection.translate_errors() as client, client.pipeline() as pipe:
            for id in client.zrevrange(self._of_browser(browser, kind), 0, count - 1):
                pipe.hgetall(self._job(id))
            *found, time = pipe.time().execute()
        now = server_time(time)
        return [record for fields in found if (record := _record(fields, now))]

    def items(self, browser: str, id: str) -> list[str]:
        if self.find(browser, id) is None:
            return []
        with self._connection.translate_errors() as client:
            found: list[str] = client.lrange(self._items(id), 0, -1)
            return found

    def cancel(self, browser: str, id: str) -> None:
        with self._connection.translate_errors():
            self._cancel(keys=[self._job(id)], args=[browser])

    def release(self, browser: str, id: str, heartbeat: float) -> None:
        with self._connection.translate_errors():
            self._release(keys=[self._job(id)], args=[browser, heartbeat])

    def write(self, id: str, state: str, items: Sequence[str], first: int, *, ended: bool) -> bool | None:
        with self._connection.translate_errors() as client:
            kind = client.hget(self._job(id), "kind") or ""
            cancelled = self._write(
                keys=[self._job(id), self._items(id), self._running(kind)],
                args=[
                    id,
                    state,
                    int(ended),
                    first,
                    LEASE_SECONDS,
                    *quota_args(self._connection.quotas.jobs),
                    *items,
                ],
            )
        return None if cancelled < 0 else bool(cancelled)

    def of(self, client: Any, browser: str) -> dict[str, list[str]]:
        """The ids of a browser's jobs, by kind."""
        kinds = client.smembers(self._kinds(browser))
        return {kind: client.zrange(self._of_browser(browser, kind), 0, -1) for kind in kinds}

    def keys_of(self, browser: str, kind: str, ids: Sequence[str]) -> list[str]:
        """The keys of jobs of a browser."""
        names = [name for id in ids for name in (self._job(id), self._items(id))]
        return [self._kinds(browser), self._of_browser(browser, kind), *names]

    def _kinds(self, browser: str) -> str:
        return self._connection.key("kinds", browser)

    def _job(self, id: str) -> str:
        return self._connection.key("job", id)

    def _items(self, id: str) -> str:
        return self._connection.key("job", id, "items")

    def _running(self, kind: str) -> str:
        return self._connection.key("jobs", kind)

    def _of_browser(self, browser: str, kind: str) -> str:
        return self._connection.key("jobs", kind, browser)


def _fields(job: Record) -> dict[str, Any]:
    ended = "" if job["ended"] is None else job["ended"]
    return {**job, "ended": ended, "cancelled": int(job["cancelled"])}


def _record(fields: dict[str, str], now: float) -> Record | None:
    """A job as it was passed to `begin`; None for one that does not exist."""
    if "id" not in fields:
        return None
    return {
        **fields,
        "now": now,
        "at": float(fields["at"]),
        "heartbeat": float(fields["heartbeat"]),
        "ended": float(fields["ended"]) if fields["ended"] else None,
        "cancelled": fields["cancelled"] == "1",
    }
