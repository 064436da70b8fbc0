"""State of browsers in Redis: a hash per browser with a field per key; a sorted set of forgotten browsers."""

from __future__ import annotations

from typing import Any, Final

from ..backend import StateKind
from .call_table import RedisCallTable
from .connection import RedisConnection
from .job_table import RedisJobTable
from .token_table import RedisTokenTable
from .usage import LUA_LIBRARY, RedisUsage, quota_args, raise_if_full

__all__ = ["RedisBrowserTable"]


#: Saves a text: settings only when there is space, drafts by evicting older ones.
_SAVE: Final = (
    LUA_LIBRARY
    + """
local state = KEYS[1]
local owner, key, text, idle, kind, per_browser, total, at = unpack(ARGV)
if redis.call('ZSCORE', KEYS[2], owner) then return end
local unit, old = owner .. '|' .. key, redis.call('HGET', state, key)
local bytes = #key + #text + ROW
if kind == 'settings' then
    local full = no_space(kind, owner, old and #text - #old or bytes, per_browser, total)
    if full then return full end
end
redis.call('HSET', state, key, text)
redis.call('EXPIRE', state, idle)
count(kind, unit, bytes, at)
if kind == 'drafts' then evict(kind, owner, per_browser, total) end
"""
)

_DROP: Final = (
    LUA_LIBRARY
    + """
redis.call('HDEL', KEYS[1], ARGV[2])
for _, kind in ipairs({'drafts', 'settings'}) do uncount(kind, ARGV[1] .. '|' .. ARGV[2]) end
"""
)


class RedisBrowserTable:
    """See `BrowserTable`."""

    def __init__(
        self,
        connection: RedisConnection,
        calls: RedisCallTable,
        tokens: RedisTokenTable,
        jobs: RedisJobTable,
    ) -> None:
        self._connection = connection
        self._calls, self._tokens, self._jobs = calls, tokens, jobs
        self._usage = RedisUsage(connection)
        self._save = connection.client.register_script(_SAVE)
        self._drop = connection.client.register_script(_DROP)

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        state = self._connection.key("browser", browser)
        # No transaction: a server that takes no writes would refuse the reads with the last command.
        with (
            self._connection.translate_errors() as client,
            client.pipeline(transaction=False) as pipe,
        ):
            pipe.zscore(self._connection.forgotten, browser).hgetall(state).expire(state, int(idle))
            note, found, _ = pipe.execute(raise_on_error=False)
            for answer in (note, found):
                if isinstance(answer, Exception):
                    raise answer
        return None if note is not None else dict(found)

    def save(self, browser: str, key: str, text: str, idle: float, kind: StateKind) -> None:
        quotas = self._connection.quotas
        quota = quotas.settings if kind == "settings" else quotas.drafts
        with self._connection.translate_errors():
            answer = self._save(
                keys=[self._connection.key("browser", browser), self._connection.forgotten],
                args=[browser, key, text, int(idle), kind, *quota_args(quota), self._connection.clock()],
            )
        raise_if_full(quotas, "settings", answer)

    def drop(self, browser: str, key: str) -> None:
        with self._connection.translate_errors():
            self._drop(keys=[self._connection.key("browser", browser)], args=[browser, key])

    def with_prefix(self, prefix: str) -> list[tuple[str, str, str]]:
        start = self._connection.key("browser", "")
        with self._connection.translate_errors() as client:
            browsers = sorted(
                name.removeprefix(start) for name in client.scan_iter(match=f"{start}*", count=1000)
            )
            gone = set(client.zrange(self._connection.forgotten, 0, -1))
            with client.pipeline() as pipe:
                for browser in browsers:
                    pipe.hgetall(self._connection.key("browser", browser))
                states = pipe.execute()
        return [
            (browser, key, text)
            for browser, state in zip(browsers, states, strict=True)
            if browser not in gone
            for key, text in sorted(state.items())
            if key.startswith(prefix)
        ]

    def forget(self, browser: str, now: float, keep: float, max_forgotten: int) -> None:
        forgotten = self._connection.forgotten
        with self._connection.translate_errors() as client:
            # First, so that nothing is added after the keys are listed.
            with client.pipeline() as pipe:
                pipe.zadd(forgotten, {browser: now + keep}).zremrangebyscore(forgotten, "-inf", now)
                pipe.zremrangebyrank(forgotten, 0, -max_forgotten - 1).expire(forgotten, int(keep)).execute()
            keys = [self._connection.key(kind, browser) for kind in ("browser", "endpoints")]
            keys += self._calls.keys_of(browser)
            keys += self._tokens.keys_of(client, browser)
            running: list[Any] = []
            for kind, ids in self._jobs.of(client, browser).items():
                keys += self._jobs.keys_of(browser, kind, ids)
                running += [(kind, id) for id in ids]
            with client.pipeline() as pipe:
                pipe.delete(*keys)
                for kind, id in running:
                    pipe.zrem(self._connection.key("jobs", kind), id)
                pipe.execute()
        self._usage.forget(browser, "drafts", "settings", "log", "claims", "results", "jobs", "endpoints")
