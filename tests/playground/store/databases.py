"""Opens the store of a test several times, as several worker processes do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from playground.store import Database, open_database
from playground.store.backend import Clock
from playground.store.quotas import DEFAULT_BYTES

from ...support.redis_server import RedisServer

#: Returns another object for the same store, as another worker process has it.
Another = Callable[[], Database]


@contextmanager
def databases(
    request: pytest.FixtureRequest,
    folder: Path,
    *,
    store_bytes: int = DEFAULT_BYTES,
    clock: Clock = time.time,
) -> Iterator[Another]:
    """Open an empty store as often as it is called for.

    Args:
        request: Its `param` is ``sqlite`` or ``redis``.
        folder: Folder of the SQLite file.
        store_bytes: Bytes that the store keeps.
        clock: The time.
    """
    url = None
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        server.start()
        url = server.url
        with server.client() as client:
            client.flushall()
    opened: list[Database] = []

    def open_another() -> Database:
        opened.append(open_database(folder, url, store_bytes, clock=clock))
        return opened[-1]

    yield open_another
    for database in opened:
        database.close()
