"""The Redis backend: a connection with a table class for each kind of record."""

from __future__ import annotations

import time

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

    Raises:
        StoreError: The URL cannot be used.
    """

    def __init__(self, url: str, quotas: StoreQuotas | None = None, *, clock: Clock = time.time) -> None:
        super().__init__(url, quotas, clock)
        self.calls = RedisCallTable(self)
        self.tokens = RedisTokenTable(self)
        self.jobs = RedisJobTable(self)
        self.browsers = RedisBrowserTable(self, self.calls, self.tokens, self.jobs)
        self.workers = RedisWorkerTable(self)
        self.endpoints = RedisEndpointTable(self)
        self.login_attempts = RedisLoginAttemptTable(self)
