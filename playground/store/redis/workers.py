"""Snapshots of workers in Redis: a hash per settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import RedisDatabase

__all__ = ["Workers"]


class Workers:
    """See `WorkerTable`."""

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def leave(self, settings: str, worker: str, text: str, keep: float) -> None:
        key = self._database.key("workers", settings)
        with self._database.talking() as client, client.pipeline() as pipe:
            pipe.hset(key, worker, text).expire(key, int(keep)).execute()

    def everyone(self, settings: str) -> dict[str, str]:
        with self._database.talking() as client:
            found: dict[str, str] = client.hgetall(self._database.key("workers", settings))
            return found

    def drop(self, settings: str, workers: Sequence[str]) -> None:
        with self._database.talking() as client:
            client.hdel(self._database.key("workers", settings), *workers)
