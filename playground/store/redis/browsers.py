"""State of browsers in Redis: a hash per browser, a field per concern; a sorted set of the forgotten ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Browsers"]

_SAVE: Final = """
if redis.call('ZSCORE', KEYS[2], ARGV[4]) then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


class Browsers:
    """See `BrowserTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._save = database.client.register_script(_SAVE)

    def load(self, browser: str, idle: float) -> dict[str, str] | None:
        key = self._database.key("browser", browser)
        with self._database.talking() as client, client.pipeline() as pipe:
            pipe.zscore(self._database.forgotten, browser).hgetall(key).expire(key, int(idle))
            forgotten, found, _ = pipe.execute()
        return None if forgotten is not None else dict(found)

    def save(self, browser: str, concern: str, text: str, idle: float) -> None:
        keys = [self._database.key("browser", browser), self._database.forgotten]
        with self._database.talking():
            self._save(keys=keys, args=[concern, text, int(idle), browser])

    def drop(self, browser: str, concern: str) -> None:
        with self._database.talking() as client:
            client.hdel(self._database.key("browser", browser), concern)

    def forget(self, browser: str, now: float, keep: float, most: int) -> None:
        noted = self._database.forgotten
        with self._database.talking() as client:
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
