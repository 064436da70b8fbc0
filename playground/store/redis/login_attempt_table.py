"""Login attempts in Redis: a hash with an entry per address, and a sorted set of their times of expiry."""

from __future__ import annotations

from typing import Final

from ..backend import RateLimit
from .connection import RedisConnection

__all__ = ["RedisLoginAttemptTable"]

#: Atomic for all workers. An entry is ``count|turn|time of expiry``. The wait is returned as text, because
#: Redis truncates numbers to integers.
_RESERVE: Final = """
local entries, expiries, address = KEYS[1], KEYS[2], ARGV[1]
local now, max_wait = tonumber(ARGV[2]), tonumber(ARGV[3])
local burst, interval = tonumber(ARGV[4]), tonumber(ARGV[5])
local window, max_addresses = tonumber(ARGV[6]), tonumber(ARGV[7])
local count, turn, until_ = string.match(redis.call('HGET', entries, address) or '', '^(.+)|(.+)|(.+)$')
count, turn, until_ = tonumber(count), tonumber(turn), tonumber(until_)
if not until_ or until_ <= now then count, turn, until_ = 0, 0, now + window end
local wait = 0
if count >= burst then
    wait = math.max(turn - now, 0)
    if wait > max_wait then return string.format('%.6f', wait) end
    turn = now + wait + interval
end
redis.call('HSET', entries, address, string.format('%d|%.6f|%.6f', count + 1, turn, until_))
redis.call('ZADD', expiries, until_, address)
local extra = math.max(redis.call('ZCARD', expiries) - max_addresses, 0)
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

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._reserve = connection.client.register_script(_RESERVE)

    def reserve(self, address: str, now: float, limit: RateLimit, max_wait: float) -> float:
        args = [
            address, f"{now:.6f}", max_wait, limit.burst, limit.interval, int(limit.window),
            limit.max_addresses,
        ]  # fmt: skip
        with self._connection.translate_errors():
            return float(self._reserve(keys=self._keys(), args=args))

    def clear(self, address: str) -> None:
        entries, expiries = self._keys()
        with self._connection.translate_errors() as client, client.pipeline() as pipe:
            pipe.hdel(entries, address).zrem(expiries, address).execute()

    def _keys(self) -> list[str]:
        return [self._connection.key("login_attempts", name) for name in ("entries", "expiries")]
