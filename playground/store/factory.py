"""Opens the backend that the settings name."""

from __future__ import annotations

import time
from pathlib import Path

from .backend import Clock, Database, StoreError
from .quotas import DEFAULT_BYTES, StoreQuotas
from .sqlite import SqliteDatabase

__all__ = ["open_database"]


def open_database(
    folder: Path,
    redis_url: str | None = None,
    store_bytes: int = DEFAULT_BYTES,
    *,
    generation: str | None = None,
    clock: Clock = time.time,
) -> Database:
    """The store; no file or connection is opened before the first use.

    Args:
        folder: Folder of the SQLite file.
        redis_url: URL of a Redis to use instead.
        store_bytes: Bytes that are kept in all; see `StoreQuotas`.
        generation: `Database.generation` of the SQLite file that has to be there; by default any, or a new
            one.
        clock: Returns the time, seconds since 1970.

    Raises:
        StoreError: The URL of Redis cannot be used, or its client is not installed.
    """
    quotas = StoreQuotas.of(store_bytes)
    if redis_url is None:
        return SqliteDatabase(folder / "playground.sqlite3", quotas, clock=clock, generation=generation)
    try:
        # Imported only when it is used: the package redis may be missing.
        from .redis import RedisDatabase
    except ImportError:
        raise StoreError("Redis needs the package redis: pip install redis") from None
    return RedisDatabase(redis_url, quotas, clock=clock)
