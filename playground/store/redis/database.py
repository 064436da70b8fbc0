"""The connection to Redis, and the names of the keys.

Every key expires, so that nothing has to be swept, and whatever Redis does when its memory is full (as
`volatile-ttl`) finds the least lasting first. Nothing in it is executable: values are text, JSON mostly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.exceptions import WatchError
from redis.retry import Retry

from ..backend import StoreError
from ..quotas import DEFAULT_BYTES, StoreQuotas
from .browser_table import RedisBrowserTable
from .call_table import RedisCallTable
from .job_table import RedisJobTable
from .login_attempt_table import RedisLoginAttemptTable
from .quotas import Room
from .token_table import RedisTokenTable
from .url import UNUSABLE, check_url, reason
from .worker_table import RedisWorkerTable

__all__ = ["RedisDatabase"]

_PREFIX: Final = "playground"

#: A page must not hang because the store does.
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 5.0

#: Tries of a change that others may have disturbed.
_MAX_ATTEMPTS: Final = 50


class RedisDatabase:
    """Safe with threads, processes and forks: redis-py's pool opens connections as they are needed.

    Args:
        url: As `playground.store.redis.address` has it.
        quotas: How much it keeps of each kind.

    Raises:
        StoreError: The URL cannot be used.
    """

    def __init__(self, url: str, quotas: StoreQuotas | None = None) -> None:
        check_url(url)
        self.quotas = quotas or StoreQuotas.of(DEFAULT_BYTES)
        try:
            # Any: its types know neither decoded answers nor that a pipeline returns itself.
            self.client: Any = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_ANSWER_SECONDS,
                # One that Redis closed in the meantime is opened again without anybody noticing.
                retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 2),
            )
            # Options are first looked at when a connection is made; making one sends nothing.
            pool = self.client.connection_pool
            pool.connection_class(**pool.connection_kwargs)
        except (ValueError, TypeError, RedisError):
            raise StoreError(UNUSABLE) from None
        self.room = Room(self)
        self.browsers, self.calls, self.tokens = (
            RedisBrowserTable(self),
            RedisCallTable(self),
            RedisTokenTable(self),
        )
        self.workers, self.jobs, self.login_attempts = (
            RedisWorkerTable(self),
            RedisJobTable(self),
            RedisLoginAttemptTable(self),
        )

    @contextmanager
    def translate_errors(self) -> Iterator[Any]:
        """The client; what goes wrong with it becomes a `StoreError`."""
        try:
            yield self.client
        except RedisError as error:
            # Without the error itself: its words name the host, which may be a part of a mistyped password.
            raise StoreError(f"Redis: {reason(error)}") from None

    def transaction(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Read and write as one step: when somebody else wrote the key meanwhile, all of it is done again.

        Args:
            key: What must not be written by others between reading and writing.
            change: Reads through the pipeline, calls `multi()` on it, and writes.
        """
        with self.translate_errors() as client, client.pipeline() as pipe:
            for _ in range(_MAX_ATTEMPTS):
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
        """Name of a key."""
        return ":".join((_PREFIX, *parts))

    def check(self) -> None:
        with self.translate_errors() as client:
            client.ping()

    def close(self) -> None:
        # Not those in use: a job may be about to say its last word.
        self.client.connection_pool.disconnect(inuse_connections=False)
