"""The connection to Redis, and the names of the keys.

Every key but that of the generation expires, so nothing has to be swept, and when Redis runs out of memory
its eviction (as with `volatile-ttl`) finds the keys that expire first. Values are text, mostly JSON; nothing
in them is executed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.exceptions import WatchError
from redis.retry import Retry

from octaspace.rentals.redis_errors import describe_redis_error

from ..backend import Clock, StoreError
from ..circuit_breaker import CircuitBreaker
from ..quotas import DEFAULT_BYTES, StoreQuotas
from .durability import read_durability
from .url import INVALID_URL, check_url

__all__ = ["MAX_ATTEMPTS", "RedisConnection"]

_PREFIX: Final = "playground"

#: Short, so that a page does not hang because the store does.
_CONNECT_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 1.0

#: What the store needs of an ACL: ``~playground:* +@all -@dangerous +info``.
_RIGHTS: Final = "it needs all commands but the dangerous ones, and INFO, for the keys playground:*"

#: Maximum attempts of a transaction that others disturb.
MAX_ATTEMPTS: Final = 50

#: Changes nothing, because there is no such key; whoever may not write is refused nevertheless.
_TRY_TO_WRITE: Final = "redis.call('SET', KEYS[1], '', 'XX', 'EX', 1) return 1"


class RedisConnection:
    """Safe with threads, processes and forks: redis-py's pool opens connections as needed.

    For the arguments and errors see `RedisDatabase`.
    """

    def __init__(
        self, url: str, quotas: StoreQuotas | None, clock: Clock, monotonic: Callable[[], float]
    ) -> None:
        check_url(url)
        self.breaker = CircuitBreaker(monotonic)
        self.quotas = quotas or StoreQuotas.of(DEFAULT_BYTES)
        self.clock = clock
        try:
            # Any: its types cover neither decoded answers nor pipelines that return themselves.
            self.client: Any = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_ANSWER_SECONDS,
                # Reopens a connection that Redis has closed in the meantime. One that timed out is not
                # asked again: it would take as long. redis-py 5 repeats only what both of these name.
                retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
                retry_on_error=[RedisConnectionError],
            )
            # Options are validated when a connection object is created, which sends nothing.
            pool = self.client.connection_pool
            pool.connection_class(**pool.connection_kwargs)
        except (ValueError, TypeError, RedisError):
            raise StoreError(INVALID_URL) from None

    @contextmanager
    def translate_errors(self) -> Iterator[Any]:
        """The client; its errors become `StoreError`. After a timeout it is not used for a moment."""
        if not self.breaker.allows():
            raise StoreError("Redis: it did not answer in time a moment ago; see PLAYGROUND_REDIS_URL")
        try:
            yield self.client
        except RedisTimeoutError as error:
            self.breaker.timed_out()
            raise _described(error) from None
        except RedisError as error:
            self.breaker.answered()
            # Without the cause: its message names the host, which may be part of a mistyped password.
            raise _described(error) from None
        except BaseException:
            self.breaker.answered()  # the exception is the caller's
            raise
        self.breaker.answered()

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

    def generation(self) -> str:
        """See `Database.generation`: a key, which is lost with the others; and the run of the server, if it
        may have lost what the one before it knew.
        """
        with self.translate_errors() as client:
            run, key = read_durability(client).run, self.key("generation")
            found = client.get(key)
            if found is None:
                # Not replaced if another worker has just created it. It never expires: with it, the forms of
                # all pages would.
                client.set(key, secrets.token_hex(6), nx=True)
                found = client.get(key)
            return f"{found}{run}"

    def notices_restarts(self) -> bool:
        """See `Database.notices_restarts`."""
        with self.translate_errors() as client:
            return read_durability(client).notices_restarts

    def durability_warning(self) -> str | None:
        """See `Database.durability_warning`."""
        with self.translate_errors() as client:
            return read_durability(client).warning

    def check(self) -> None:
        with self.translate_errors() as client:
            # A replica, and a user who may not write, answer a ping as well.
            client.eval(_TRY_TO_WRITE, 1, self.key("check"))

    def close(self) -> None:
        # Not those in use: a job may be about to write its end.
        self.client.connection_pool.disconnect(inuse_connections=False)


def _described(error: RedisError) -> StoreError:
    text = describe_redis_error(error)
    rights = f": {_RIGHTS}" if text.endswith("(NOPERM)") else ""
    return StoreError(f"Redis: {text}{rights}; see PLAYGROUND_REDIS_URL")
