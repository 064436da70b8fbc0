"""Tries to log in, in Redis: one sorted set, addresses by time."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Tries"]


class Tries:
    """See `TryTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def claim(
        self, address: str, now: float, window: float, wait: Callable[[list[float], list[float]], float]
    ) -> float:
        key = self._database.key("tries")

        def change(pipe: Any) -> float:
            noted = pipe.zrangebyscore(key, f"({now - window}", "+inf", withscores=True)
            own = [at for member, at in noted if member.partition("|")[2] == address]
            seconds = wait(own, [at for _, at in noted])
            pipe.multi()
            if not seconds:
                pipe.zadd(key, {f"{secrets.token_hex(6)}|{address}": now})
                pipe.zremrangebyscore(key, "-inf", now - window)
                pipe.expire(key, int(window))
            return seconds

        seconds: float = self._database.alone(key, change)
        return seconds

    def clear(self, address: str) -> None:
        key = self._database.key("tries")
        with self._database.talking() as client:
            gone = [member for member in client.zrange(key, 0, -1) if member.partition("|")[2] == address]
            if gone:
                client.zrem(key, *gone)
