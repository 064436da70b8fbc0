"""The Redis backend: a connection with a table class for each kind of record."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..backend import Clock
from ..quotas import StoreQuotas
from .browser_table import RedisBrowserTable
from .call_table import RedisCallTable
from .connection import RedisConnection
from .endpoint_table import RedisEndpointTable
from .job_table import RedisJobTable
from .login_attempt_table import RedisLoginAttemptTable
from .token_table import RedisTokenTable
from .worker_table import RedisWorkerTable

__all__ = ["RedisDatabase"]


class RedisDatabase(RedisConnection):
    """A `Database` in Redis.

    Args:
        url: See `playground.store.redis.url`.
        quotas: How much it keeps of each kind.
        clock: Returns the time, seconds since 1970.
        monotonic: Returns a time that never goes back, in seconds.

    Raises:
        StoreError: The URL cannot be used.
    """

    def __init__(
        self,
        url: str,
        quotas: StoreQuotas | None = None,
        *,
        clock: Clock = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(url, quotas, clock, monotonic)
        self.calls = RedisCallTable(self)
        self.tokens = RedisTokenTable(self)
        self.jobs = RedisJobTable(self)
        self.browsers = RedisBrowserTable(self, self.calls, self.tokens, self.jobs)
        self.workers = RedisWorkerTable(self)
        self.endpoints = RedisEndpointTable(self)
        self.login_attempts = RedisLoginAttemptTable(self)
