"""Used bytes of each kind in Redis, per browser and in total, and the eviction of the oldest records.

A record is named ``owner|rest`` here, a unit; the owner is the browser. Each script that adds or removes one
counts it in the same atomic step. Redis removes keys itself when they expire or memory is full: such a unit
is found missing when space is needed, and is then no longer counted.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from ..backend import require_space
from ..quotas import ITEM_OVERHEAD_BYTES, ROW_OVERHEAD_BYTES, Quota, StoreQuotas
from .connection import RedisConnection

__all__ = ["LUA_LIBRARY", "RedisUsage", "quota_args", "raise_if_full"]

#: Seconds for which the counts are kept after the last change: as long as the records that are kept longest.
_KEPT_SECONDS: Final = 7 * 24 * 3600

#: Functions for scripts. `count` counts a unit, `uncount` removes it from the counts, `evict` removes the
#: oldest units until both quotas are kept, `recount` uncounts missing units.
LUA_LIBRARY: Final = (
    f"local KEPT, ROW, ITEM = {_KEPT_SECONDS}, {ROW_OVERHEAD_BYTES}, {ITEM_OVERHEAD_BYTES}\n"
    + """
local P = 'playground:'

local function usage(kind, what) return P .. 'usage:' .. kind .. ':' .. what end

local function used(kind, owner)
    return tonumber(redis.call('HGET', usage(kind, 'bytes'), owner) or '0')
end

local function split(unit) return string.match(unit, '^([^|]*)|(.*)$') end

local function uncount(kind, unit)
    local bytes = redis.call('HGET', usage(kind, 'units'), unit)
    if not bytes then return end
    local owner = split(unit)
    redis.call('HDEL', usage(kind, 'units'), unit)
    redis.call('ZREM', usage(kind, 'age'), unit)
    redis.call('ZREM', usage(kind, 'age:' .. owner), unit)
    for _, whose in ipairs({owner, '*'}) do
        if redis.call('HINCRBY', usage(kind, 'bytes'), whose, -bytes) <= 0 then
            redis.call('HDEL', usage(kind, 'bytes'), whose)
        end
    end
end

local function count(kind, unit, bytes, at)
    uncount(kind, unit)
    local owner = split(unit)
    redis.call('HSET', usage(kind, 'units'), unit, bytes)
    redis.call('ZADD', usage(kind, 'age'), at, unit)
    redis.call('ZADD', usage(kind, 'age:' .. owner), at, unit)
    for _, whose in ipairs({owner, '*'}) do redis.call('HINCRBY', usage(kind, 'bytes'), whose, bytes) end
    for _, what in ipairs({'units', 'age', 'age:' .. owner, 'bytes'}) do
        redis.call('EXPIRE', usage(kind, what), KEPT)
    end
end

local function is_there(kind, unit)
    local owner, rest = split(unit)
    if kind == 'log' then return redis.call('HEXISTS', P .. 'calls:' .. owner .. ':rows', rest) == 1 end
    if kind == 'drafts' or kind == 'settings' then
        return redis.call('HEXISTS', P .. 'browser:' .. owner, rest) == 1
    end
    if kind == 'claims' then return redis.call('EXISTS', P .. 'token:' .. owner .. ':' .. rest) == 1 end
    if kind == 'results' then
        return redis.call('HEXISTS', P .. 'token:' .. owner .. ':' .. rest, 'result') == 1
    end
    if kind == 'endpoints' then return redis.call('HEXISTS', P .. 'endpoints:' .. owner, rest) == 1 end
    if kind == 'jobs' then return redis.call('EXISTS', P .. 'job:' .. rest) == 1 end
    return redis.call('HEXISTS', P .. 'workers:' .. owner, rest) == 1
end

-- Returns whether the unit was removed: a running job stays.
local function remove(kind, unit, placeholder, alive_since)
    local owner, rest = split(unit)
    if not is_there(kind, unit) then return true end
    if kind == 'log' then
        local order = P .. 'calls:' .. owner .. ':order'
        local front = redis.call('LINDEX', order, 0)
        if front and string.match(front, '^(%d+)|') == rest then redis.call('LPOP', order) end
        redis.call('HDEL', P .. 'calls:' .. owner .. ':rows', rest)
        redis.call('HDEL', P .. 'calls:' .. owner .. ':details', rest)
    elseif kind == 'drafts' then
        redis.call('HDEL', P .. 'browser:' .. owner, rest)
    elseif kind == 'results' then
        redis.call('HSET', P .. 'token:' .. owner .. ':' .. rest, 'result', placeholder)
    elseif kind == 'endpoints' then
        redis.call('HDEL', P .. 'endpoints:' .. owner, rest)
    elseif kind == 'snapshots' then
        redis.call('HDEL', P .. 'workers:' .. owner, rest)
    else
        local job = P .. 'job:' .. rest
        local ended, heartbeat, job_kind = unpack(redis.call('HMGET', job, 'ended', 'heartbeat', 'kind'))
        if ended == '' and tonumber(heartbeat) >= tonumber(alive_since) then return false end
        redis.call('DEL', job, job .. ':items')
        redis.call('ZREM', P .. 'jobs:' .. job_kind .. ':' .. owner, rest)
        redis.call('ZREM', P .. 'jobs:' .. job_kind, rest)
    end
    return true
end

local function evict(kind, owner, per_browser, total, placeholder, alive_since)
    for _, whose in ipairs({owner, '*'}) do
        local limit, age = tonumber(per_browser), usage(kind, 'age:' .. owner)
        if whose == '*' then limit, age = tonumber(total), usage(kind, 'age') end
        local from = 0
        while used(kind, whose) > limit do
            local unit = redis.call('ZRANGE', age, from, from)[1]
            if not unit then break end
            if remove(kind, unit, placeholder, alive_since) then uncount(kind, unit) else from = from + 1 end
        end
    end
end

-- For one browser; for all, which may be many, once a minute at most.
local function recount(kind, owner)
    local ages = {usage(kind, 'age:' .. owner)}
    if redis.call('SET', usage(kind, 'recounted'), 1, 'NX', 'EX', 60) then ages[2] = usage(kind, 'age') end
    for _, age in ipairs(ages) do
        for _, unit in ipairs(redis.call('ZRANGE', age, 0, -1)) do
            if not is_there(kind, unit) then uncount(kind, unit) end
        end
    end
end

-- For records that are never evicted: nil when there is space, or -1, the added bytes, and the used bytes.
local function no_space(kind, owner, added, per_browser, total)
    if added <= 0 then return nil end
    local function is_full()
        return used(kind, owner) + added > tonumber(per_browser) or used(kind, '*') + added > tonumber(total)
    end
    if is_full() then recount(kind, owner) end
    if is_full() then return {-1, added, used(kind, owner), used(kind, '*')} end
    return nil
end
"""
)

#: Uncounts all units of a browser, of kinds whose keys were removed outside of the scripts.
_FORGET: Final = (
    LUA_LIBRARY
    + """
for _, kind in ipairs(ARGV) do
    local age = usage(kind, 'age:' .. KEYS[1])
    for _, unit in ipairs(redis.call('ZRANGE', age, 0, -1)) do uncount(kind, unit) end
end
"""
)


class RedisUsage:
    """Updates the counts after keys were removed outside of the scripts.

    Args:
        connection: The connection.
    """

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._forget = connection.client.register_script(_FORGET)

    def forget(self, owner: str, *kinds: str) -> None:
        """Uncount a browser's records of these kinds, which were removed."""
        with self._connection.translate_errors():
            self._forget(keys=[owner], args=kinds)


def raise_if_full(quotas: StoreQuotas, kind: Literal["settings", "claims"], answer: Any) -> None:
    """Raise `StoreFullError` when the answer of a script is that of `no_space`."""
    if isinstance(answer, list) and answer and answer[0] == -1:
        require_space(quotas, kind, *answer[1:])


def quota_args(quota: Quota) -> list[int]:
    """A quota as arguments of a script."""
    return [quota.per_browser, quota.total]
