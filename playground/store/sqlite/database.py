"""The SQLite backend: one file with a table class for each kind of record."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..backend import Clock
from ..quotas import StoreQuotas
from .browser_table import SqliteBrowserTable
from .call_table import SqliteCallTable
from .connection import SqliteConnections
from .endpoint_table import SqliteEndpointTable
from .job_table import SqliteJobTable
from .login_attempt_table import SqliteLoginAttemptTable
from .token_table import SqliteTokenTable
from .worker_table import SqliteWorkerTable

__all__ = ["SqliteDatabase"]


class SqliteDatabase(SqliteConnections):
    """A `Database` in an SQLite file.

    Args:
        path: The file; created at the first use, readable only by its owner.
        quotas: How much it keeps of each kind.
        clock: Returns the time, seconds since 1970.
        monotonic: Returns a time that never goes back, in seconds.
        generation: The generation of the file that has to be there, as another process has found it; by
            default it is that of the file at the first use, which creates a missing one.
    """

    def __init__(
        self,
        path: Path,
        quotas: StoreQuotas | None = None,
        *,
        clock: Clock = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        generation: str | None = None,
    ) -> None:
        super().__init__(path, quotas, clock, monotonic, generation)
        self.browsers = SqliteBrowserTable(self)
        self.calls = SqliteCallTable(self)
        self.tokens = SqliteTokenTable(self)
        self.workers = SqliteWorkerTable(self)
        self.jobs = SqliteJobTable(self)
        self.endpoints = SqliteEndpointTable(self)
        self.login_attempts = SqliteLoginAttemptTable(self)
