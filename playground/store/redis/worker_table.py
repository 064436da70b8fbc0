"""Snapshots of workers in Redis: a hash per settings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .quotas import LIBRARY, shares

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["RedisWorkerTable"]


_LEAVE: Final = (
    LIBRARY
    + """
local settings, worker, text, keep, at, mine, every = unpack(ARGV)
redis.call('HSET', KEYS[1], worker, text)
redis.call('EXPIRE', KEYS[1], keep)
note('snapshots', settings .. '|' .. worker, #text + ROW, at)
make_room('snapshots', settings, mine, every)
"""
)


class RedisWorkerTable:
    """See `WorkerTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database
        self._leave = database.client.register_script(_LEAVE)

    def publish(self, settings: str, worker: str, text: str, keep: float) -> None:
        share = shares(self._database.quotas.snapshots)
        with self._database.translate_errors():
            self._leave(
                keys=[self._database.key("workers", settings)],
                args=[settings, worker, text, int(keep), time.time(), *share],
            )

    def all(self, settings: str) -> dict[str, str]:
        with self._database.translate_errors() as client:
            found: dict[str, str] = client.hgetall(self._database.key("workers", settings))
            return found

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        with self._database.translate_errors() as client:
            client.hdel(self._database.key("workers", settings), *workers)
