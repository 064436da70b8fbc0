"""The file: its connections, its schema, and what is thrown away because its time is over."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from ..backend import StoreError
from ..quotas import DEFAULT_BYTES, StoreQuotas
from .browser_table import SqliteBrowserTable
from .call_table import SqliteCallTable
from .job_table import SqliteJobTable
from .login_attempt_table import SqliteLoginAttemptTable
from .schema import EXPIRED, SCHEMA, VERSION
from .token_table import SqliteTokenTable
from .worker_table import SqliteWorkerTable

__all__ = ["SqliteDatabase"]

#: How long a worker waits for another one that writes.
_BUSY_SECONDS: Final = 10.0

#: Connections kept open between two pieces of work: opening one costs more than most of them.
_MAX_IDLE: Final = 8

#: How often expired rows are removed, in seconds.
_BETWEEN_SWEEPS: Final = 60.0

#: The journal beside the file is written back and cut off when it is larger, in bytes.
_MAX_JOURNAL_BYTES: Final = 16 * 1024 * 1024

#: Free pages are given back to the disk at a sweep, as far as they are more than what is used.
_PAGES_GIVEN_BACK: Final = 2000


class SqliteDatabase:
    """Safe with threads, with several processes, and in a forked child, which begins with no connection.

    Args:
        path: The file; made at the first use, readable by its owner alone.
        quotas: How much it keeps of each kind.
    """

    def __init__(self, path: Path, quotas: StoreQuotas | None = None) -> None:
        self.path = path
        self.quotas = quotas or StoreQuotas.of(DEFAULT_BYTES)
        self._journal = path.with_name(f"{path.name}-wal")
        self.browsers, self.calls, self.tokens = (
            SqliteBrowserTable(self),
            SqliteCallTable(self),
            SqliteTokenTable(self),
        )
        self.workers, self.jobs, self.login_attempts = (
            SqliteWorkerTable(self),
            SqliteJobTable(self),
            SqliteLoginAttemptTable(self),
        )
        self._pid = os.getpid()
        self._ready = False
        self._idle: deque[sqlite3.Connection] = deque()
        #: Connections of a parent process: to close them here could harm it.
        self._parents: list[sqlite3.Connection] = []
        self._next_sweep = 0.0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file, whatever is written meanwhile."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection that alone writes; what it wrote is kept unless something is raised.

        Args:
            durable: Whether it must survive a power failure, which costs a wait for the disk. Otherwise that
                may lose the last moments; the file stays whole either way.
        """
        with self._transaction("BEGIN IMMEDIATE", durable=durable) as connection:
            yield connection
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + _BETWEEN_SWEEPS
                sweep(connection, time.time())
        if self._journal_size() > _MAX_JOURNAL_BYTES:
            # SQLite writes it back as it goes, and cuts it off only where nobody reads at that moment.
            self._write_back()

    def wipe(self) -> None:
        """After a removal: leave nothing of it in the journal beside the file either."""
        self._write_back()

    def _journal_size(self) -> int:
        try:
            return self._journal.stat().st_size
        except OSError:
            return 0

    def _write_back(self) -> None:
        connection = self._take()
        try:
            # In vain while somebody reads; then the next one that writes much does it.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            connection.close()
            raise self._unusable(error) from error
        self._give_back(connection)

    def check(self) -> None:
        """Open the file, and make it when it is not there."""
        with self.writing():
            pass

    def close(self) -> None:
        """Close the connections nobody is using."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    @contextmanager
    def _transaction(self, begin: str, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._take()
            try:
                if durable:
                    connection.execute("PRAGMA synchronous=FULL")
                connection.execute(begin)
                yield connection
                connection.commit()
                if durable:
                    connection.execute("PRAGMA synchronous=NORMAL")
            except sqlite3.Error:
                connection.close()
                # Perhaps somebody removed the file: the next use looks again, and makes it.
                self._ready = False
                self.close()
                raise
            except BaseException:
                connection.rollback()
                self._give_back(connection)
                raise
            self._give_back(connection)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _take(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self._parents += self._idle
            self._pid, self._idle = os.getpid(), deque()
        try:
            if not self._ready:
                self._set_up()
                self._ready = True
            return self._idle.pop() if self._idle else self._open()
        except IndexError:  # another thread was faster
            return self._take()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(f"the file {self.path} cannot be used: {error}")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        # Transactions are begun by hand: a read that turns into a write would fail instead of wait.
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA synchronous=NORMAL")
            # What is removed may be a key: nothing of it is left in the file.
            connection.execute("PRAGMA secure_delete=ON")
            # Rows that others replace are counted as removed.
            connection.execute("PRAGMA recursive_triggers=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self) -> None:
        """Make the file, one process at a time; one of another version is begun anew."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file of its own: to close the database's would drop the locks of every connection to it.
        with open(self.path.with_suffix(".lock"), "w", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(self._open()) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version == VERSION:
                    return
                connection.execute("BEGIN IMMEDIATE")
                tables = connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                ).fetchall()
                for (name,) in tables:
                    connection.execute(f'DROP TABLE "{name}"')
                connection.execute("COMMIT")
                if not tables:
                    # Only a file that is empty takes it; in others free pages are used again.
                    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                    connection.execute("VACUUM")
                connection.execute("BEGIN IMMEDIATE")
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={VERSION}")
                connection.execute("COMMIT")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sweep(connection: sqlite3.Connection, now: float) -> None:
    """Remove what has expired."""
    for statement in EXPIRED:
        connection.execute(statement, {"now": now})
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    surplus = free - pages // 2
    for _ in range(min(surplus, _PAGES_GIVEN_BACK)):
        # One page at a time: it gives back one for each step, and Python makes one step.
        connection.execute("PRAGMA incremental_vacuum(1)")
