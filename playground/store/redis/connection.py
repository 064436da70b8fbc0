"""The connection to Redis, and the names of the keys.

Every key expires, so nothing has to be swept, and when Redis runs out of memory its eviction (as with
`volatile-ttl`) finds the keys that expire first. Values are text, mostly JSON; nothing in them is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.exceptions import WatchError
from redis.retry import Retry

from ..backend import Clock, StoreError
from ..quotas import DEFAULT_BYTES, StoreQuotas
from .url import INVALID_URL, check_url, describe_error

__all__ = ["MAX_ATTEMPTS", "RedisConnection"]

_PREFIX: Final = "playground"

#: Short, so that a page does not hang because the store does.
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 5.0

#: Maximum attempts of a transaction that others disturb.
MAX_ATTEMPTS: Final = 50


class RedisConnection:
    """Safe with threads, processes and forks: redis-py's pool opens connections as needed.

    For the arguments and errors see `RedisDatabase`.
    """

    def __init__(self, url: str, quotas: StoreQuotas | None, clock: Clock) -> None:
        check_url(url)
        self.quotas = quotas or StoreQuotas.of(DEFAULT_BYTES)
        self.clock = clock
        try:
            # Any: its types cover neither decoded answers nor pipelines that return themselves.
            self.client: Any = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_ANSWER_SECONDS,
                # Reopens a connection that Redis has closed in the meantime.
                retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
            )
            # Options are validated when a connection object is created, which sends nothing.
            pool = self.client.connection_pool
            pool.connection_class(**pool.connection_kwargs)
        except (ValueError, TypeError, RedisError):
            raise StoreError(INVALID_URL) from None

    @contextmanager
    def translate_errors(self) -> Iterator[Any]:
        """The client; its errors become `StoreError`."""
        try:
            yield self.client
        except RedisError as error:
            # Without the cause: its message names the host, which may be part of a mistyped password.
            raise StoreError(f"Redis: {describe_error(error)}") from None

    def transaction(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Read and write atomically: when another client writes the key in between, all is done again.

        Args:
            key: The key that no other client may write between reading and writing.
            change: Reads through the pipeline, calls `multi()` on it, and writes.
        """
        with self.translate_errors() as client, client.pipeline() as pipe:
            for _ in range(MAX_ATTEMPTS):
                try:
                    pipe.watch(key)
                    result = change(pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return result
        raise StoreError("Redis: too many others write at the same time")

    @property
    def forgotten(self) -> str:
        """The key of the browsers that were forgotten."""
        return self.key("forgotten")

    @staticmethod
    def key(*parts: str) -> str:
        """The name of a key."""
        return ":".join((_PREFIX, *parts))

    def check(self) -> None:
        with self.translate_errors() as client:
            client.ping()

    def close(self) -> None:
        # Not those in use: a job may be about to write its end.
        self.client.connection_pool.disconnect(inuse_connections=False)
