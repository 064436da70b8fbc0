"""Snapshots of workers in Redis: a hash per settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .connection import RedisConnection
from .usage import LUA_LIBRARY, quota_args

__all__ = ["RedisWorkerTable"]

_PUBLISH: Final = (
    LUA_LIBRARY
    + """
local settings, worker, text, keep, at, per_browser, total = unpack(ARGV)
redis.call('HSET', KEYS[1], worker, text)
redis.call('EXPIRE', KEYS[1], keep)
count('snapshots', settings .. '|' .. worker, #text + ROW, at)
evict('snapshots', settings, per_browser, total)
"""
)


class RedisWorkerTable:
    """See `WorkerTable`."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._publish = connection.client.register_script(_PUBLISH)

    def publish(self, settings: str, worker: str, text: str, keep: float) -> None:
        quota = quota_args(self._connection.quotas.snapshots)
        with self._connection.translate_errors():
            self._publish(
                keys=[self._connection.key("workers", settings)],
                args=[settings, worker, text, int(keep), self._connection.clock(), *quota],
            )

    def all(self, settings: str) -> dict[str, str]:
        with self._connection.translate_errors() as client:
            found: dict[str, str] = client.hgetall(self._connection.key("workers", settings))
            return found

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        with self._connection.translate_errors() as client:
            client.hdel(self._connection.key("workers", settings), *workers)
