"""State of browsers in Redis: a hash per browser, a field per concern; a sorted set of the forgotten ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Literal

from .quotas import LIBRARY, refuse, shares

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["RedisBrowserTable"]


#: Keeps a concern: settings only where they have room, drafts in the place of older ones.
_SAVE: Final = (
    LIBRARY
    + """
local key = KEYS[1]
local owner, concern, text, idle, kind, mine, every, at = unpack(ARGV)
if redis.call('ZSCORE', KEYS[2], owner) then return end
local unit, old = owner .. '|' .. concern, redis.call('HGET', key, concern)
local bytes = #concern + #text + ROW
if kind == 'settings' then
    local full = has_no_room(kind, owner, old and #text - #old or bytes, mine, every)
    if full then return full end
end
redis.call('HSET', key, concern, text)
redis.call('EXPIRE', key, idle)
note(kind, unit, bytes, at)
if kind == 'drafts' then make_room(kind, owner, mine, every) end
"""
)

_DROP: Final = (
    LIBRARY
    + """
redis.call('HDEL', KEYS[1], ARGV[2])
for _, kind in ipairs({'drafts', 'settings'}) do forget(kind, ARGV[1] .. '|' .. ARGV[2]) end
"""
)


class RedisBrowserTable:
    """See `BrowserTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._save = database.client.register_script(_SAVE)
        self._drop = database.client.register_script(_DROP)

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        key = self._database.key("browser", browser)
        with self._database.translate_errors() as client, client.pipeline() as pipe:
            pipe.zscore(self._database.forgotten, browser).hgetall(key).expire(key, int(idle))
            forgotten, found, _ = pipe.execute()
        return None if forgotten is not None else dict(found)

    def save(
        self, browser: str, concern: str, text: str, idle: float, kind: Literal["settings", "drafts"]
    ) -> None:
        quotas = self._database.quotas
        share = quotas.settings if kind == "settings" else quotas.drafts
        with self._database.translate_errors():
            answer = self._save(
                keys=[self._database.key("browser", browser), self._database.forgotten],
                args=[browser, concern, text, int(idle), kind, *shares(share), time.time()],
            )
        refuse(quotas, kind, answer)

    def drop(self, browser: str, concern: str) -> None:
        with self._database.translate_errors():
            self._drop(keys=[self._database.key("browser", browser)], args=[browser, concern])

    def forget(self, browser: str, now: float, keep: float, most: int) -> None:
        noted = self._database.forgotten
        with self._database.translate_errors() as client:
            # First, so that nothing is added after it was looked for.
            with client.pipeline() as pipe:
                pipe.zadd(noted, {browser: now + keep}).zremrangebyscore(noted, "-inf", now)
                pipe.zremrangebyrank(noted, 0, -most - 1).expire(noted, int(keep)).execute()
            keys = [self._database.key("browser", browser), *self._database.calls.keys_of(browser)]
            keys += self._database.tokens.keys_of(client, browser)
            going: list[Any] = []
            for kind, ids in self._database.jobs.of(client, browser).items():
                keys += self._database.jobs.keys_of(browser, kind, ids)
                going += [(kind, id) for id in ids]
            with client.pipeline() as pipe:
                pipe.delete(*keys)
                for kind, id in going:
                    pipe.zrem(self._database.key("jobs", kind), id)
                pipe.execute()
        self._database.room.forget(browser, "drafts", "settings", "log", "claims", "results", "jobs")
