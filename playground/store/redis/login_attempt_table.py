"""Tries to log in, in Redis: a hash with an entry per address, and a sorted set of when each expires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..login_attempts import RateLimit
    from .database import RedisDatabase

__all__ = ["RedisLoginAttemptTable"]

#: One step for all workers. An entry is ``count|turn|time of expiry``. The wait is given back as text, for
#: Redis cuts off the fraction of a number.
_TAKE: Final = """
local entries, expiries, address = KEYS[1], KEYS[2], ARGV[1]
local now, longest = tonumber(ARGV[2]), tonumber(ARGV[3])
local free, spacing, window, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local count, turn, until_ = string.match(redis.call('HGET', entries, address) or '', '^(.+)|(.+)|(.+)$')
count, turn, until_ = tonumber(count), tonumber(turn), tonumber(until_)
if not until_ or until_ <= now then count, turn, until_ = 0, 0, now + window end
local wait = 0
if count >= free then
    wait = math.max(turn - now, 0)
    if wait > longest then return string.format('%.6f', wait) end
    turn = now + wait + spacing
end
redis.call('HSET', entries, address, string.format('%d|%.6f|%.6f', count + 1, turn, until_))
redis.call('ZADD', expiries, until_, address)
local extra = math.max(redis.call('ZCARD', expiries) - most, 0)
if extra > 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', expiries, 0, extra - 1)) do
        redis.call('HDEL', entries, oldest)
        redis.call('ZREM', expiries, oldest)
    end
end
for i = 1, 2 do redis.call('EXPIRE', KEYS[i], window) end
return string.format('%.6f', wait)
"""


class RedisLoginAttemptTable:
    """See `LoginAttemptTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._take = database.client.register_script(_TAKE)

    def take(self, address: str, now: float, pace: RateLimit, longest: float) -> float:
        given = [address, f"{now:.6f}", longest, pace.free, pace.spacing, int(pace.window), pace.most]
        with self._database.translate_errors():
            return float(self._take(keys=self._keys(), args=given))

    def clear(self, address: str) -> None:
        entries, expiries = self._keys()
        with self._database.translate_errors() as client, client.pipeline() as pipe:
            pipe.hdel(entries, address).zrem(expiries, address).execute()

    def _keys(self) -> list[str]:
        return [self._database.key("tries", name) for name in ("entries", "expiries")]
