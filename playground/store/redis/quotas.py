"""How many bytes of each kind there are in Redis, by browser and in all, and what makes room for more.

A record is called a unit here, named ``owner|rest``; the owner is the browser. Each script that adds or
removes one says so in the same step. Redis itself removes keys as well, when they expire or memory is full:
such a unit is found missing when room is needed, and is not counted any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..backend import check_room
from ..quotas import ROW_OVERHEAD_BYTES, Quota, StoreQuotas

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["LIBRARY", "Room", "refuse", "shares"]

#: Seconds for which the counts are kept after the last change: as long as what is kept longest.
_KEPT: Final = 7 * 24 * 3600

#: Functions for scripts. `note` counts a unit, `forget` counts it no more, `make_room` removes the oldest
#: until both shares are kept, `recount` leaves out what is missing.
LIBRARY: Final = (
    f"local KEPT, ROW = {_KEPT}, {ROW_OVERHEAD_BYTES}\n"
    + """
local P = 'playground:'

local function room(kind, what) return P .. 'room:' .. kind .. ':' .. what end

local function used(kind, owner)
    return tonumber(redis.call('HGET', room(kind, 'bytes'), owner) or '0')
end

local function split(unit) return string.match(unit, '^([^|]*)|(.*)$') end

local function forget(kind, unit)
    local bytes = redis.call('HGET', room(kind, 'units'), unit)
    if not bytes then return end
    local owner = split(unit)
    redis.call('HDEL', room(kind, 'units'), unit)
    redis.call('ZREM', room(kind, 'age'), unit)
    redis.call('ZREM', room(kind, 'age:' .. owner), unit)
    for _, whose in ipairs({owner, '*'}) do
        if redis.call('HINCRBY', room(kind, 'bytes'), whose, -bytes) <= 0 then
            redis.call('HDEL', room(kind, 'bytes'), whose)
        end
    end
end

local function note(kind, unit, bytes, at)
    forget(kind, unit)
    local owner = split(unit)
    redis.call('HSET', room(kind, 'units'), unit, bytes)
    redis.call('ZADD', room(kind, 'age'), at, unit)
    redis.call('ZADD', room(kind, 'age:' .. owner), at, unit)
    for _, whose in ipairs({owner, '*'}) do redis.call('HINCRBY', room(kind, 'bytes'), whose, bytes) end
    for _, what in ipairs({'units', 'age', 'age:' .. owner, 'bytes'}) do
        redis.call('EXPIRE', room(kind, what), KEPT)
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
    if kind == 'jobs' then return redis.call('EXISTS', P .. 'job:' .. rest) == 1 end
    return redis.call('HEXISTS', P .. 'workers:' .. owner, rest) == 1
end

-- Whether the unit is gone now: a job under way stays.
local function remove(kind, unit, gone, silent)
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
        redis.call('HSET', P .. 'token:' .. owner .. ':' .. rest, 'result', gone)
    elseif kind == 'snapshots' then
        redis.call('HDEL', P .. 'workers:' .. owner, rest)
    else
        local job = P .. 'job:' .. rest
        local ended, beat, of = unpack(redis.call('HMGET', job, 'ended', 'beat', 'kind'))
        if ended == '' and tonumber(beat) >= tonumber(silent) then return false end
        redis.call('DEL', job, job .. ':items')
        redis.call('ZREM', P .. 'jobs:' .. of .. ':' .. owner, rest)
        redis.call('ZREM', P .. 'jobs:' .. of, rest)
    end
    return true
end

local function make_room(kind, owner, mine, every, gone, silent)
    for _, whose in ipairs({owner, '*'}) do
        local most, age = tonumber(mine), room(kind, 'age:' .. owner)
        if whose == '*' then most, age = tonumber(every), room(kind, 'age') end
        local from = 0
        while used(kind, whose) > most do
            local unit = redis.call('ZRANGE', age, from, from)[1]
            if not unit then break end
            if remove(kind, unit, gone, silent) then forget(kind, unit) else from = from + 1 end
        end
    end
end

-- Of one browser, and seldom of all: there may be many.
local function recount(kind, owner)
    local ages = {room(kind, 'age:' .. owner)}
    if redis.call('SET', room(kind, 'recounted'), 1, 'NX', 'EX', 60) then ages[2] = room(kind, 'age') end
    for _, age in ipairs(ages) do
        for _, unit in ipairs(redis.call('ZRANGE', age, 0, -1)) do
            if not is_there(kind, unit) then forget(kind, unit) end
        end
    end
end

-- Whether so much more of what is never removed has room: nothing, or what there is of one and of all.
local function has_no_room(kind, owner, more, mine, every)
    if more <= 0 then return nil end
    local function is_full()
        return used(kind, owner) + more > tonumber(mine) or used(kind, '*') + more > tonumber(every)
    end
    if is_full() then recount(kind, owner) end
    if is_full() then return {-1, more, used(kind, owner), used(kind, '*')} end
    return nil
end
"""
)

#: Counts a browser's units no more, of kinds that were removed otherwise.
_FORGET: Final = (
    LIBRARY
    + """
for _, kind in ipairs(ARGV) do
    local age = room(kind, 'age:' .. KEYS[1])
    for _, unit in ipairs(redis.call('ZRANGE', age, 0, -1)) do forget(kind, unit) end
end
"""
)


class Room:
    """Keeps the counts right where keys are removed from outside of the scripts.

    Args:
        database: The database.
    """

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._forget = database.client.register_script(_FORGET)

    def forget(self, owner: str, *kinds: str) -> None:
        """A browser's records of these kinds were removed."""
        with self._database.translate_errors():
            self._forget(keys=[owner], args=kinds)


def refuse(quotas: StoreQuotas, kind: str, answer: Any) -> None:
    """Raise `StoreFullError` when a script answers what `has_no_room` says."""
    if isinstance(answer, list) and answer and answer[0] == -1:
        check_room(quotas, kind, *answer[1:])


def shares(share: Quota) -> list[int]:
    """A share as scripts take it."""
    return [share.per_browser, share.total]
