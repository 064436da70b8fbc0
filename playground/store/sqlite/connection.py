"""Connections to the SQLite file: transactions, creation of the schema, removal of expired records."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..backend import Clock, StoreError
from ..circuit_breaker import CircuitBreaker
from ..quotas import DEFAULT_BYTES, StoreQuotas
from .schema import EXPIRED, KEPT, SCHEMA, VERSION

__all__ = ["SqliteConnections"]

#: How long a worker waits for another one that writes.
_BUSY_SECONDS: Final = 10.0

#: Maximum number of idle connections: opening one costs more than most transactions.
_MAX_IDLE: Final = 8

#: Seconds between two removals of expired rows.
_SWEEP_SECONDS: Final = 60.0

#: The journal next to the file is written back and truncated when it is larger, in bytes.
_MAX_JOURNAL_BYTES: Final = 16 * 1024 * 1024

#: Maximum number of free pages that one sweep returns to the file system.
_MAX_FREED_PAGES: Final = 2000

#: What to do with a damaged file.
_REPLACE: Final = (
    "stop the playground, move the file away together with its -wal and -shm, and start again; the settings, "
    "keys and logs of all browsers are lost, and which forms were sent; rentals are in the rental ledger"
)
_DAMAGED: Final = (
    f"The file of the store, in the state folder, is damaged. Whoever runs the server: {_REPLACE}."
)

_REPLACED: Final = (
    "was removed or replaced while the playground runs: restart the playground; until then every change is "
    "refused, and afterwards those of pages that were loaded before"
)


class SqliteConnections:
    """A pool of connections. Safe with threads, with several processes, and in a forked child.

    A forked child begins without connections. All connections are to the file that was there at the first
    use: with another one, a form that was sent before could be carried out again.

    For the arguments see `SqliteDatabase`.
    """

    def __init__(
        self,
        path: Path,
        quotas: StoreQuotas | None,
        clock: Clock,
        monotonic: Callable[[], float],
        generation: str | None,
    ) -> None:
        self.path = path
        self.quotas = quotas or StoreQuotas.of(DEFAULT_BYTES)
        self.clock = clock
        self._monotonic = monotonic
        #: For writers that time out behind another one: a page writes several times.
        self.breaker = CircuitBreaker(monotonic)
        self._journal = path.with_name(f"{path.name}-wal")
        self._pid = os.getpid()
        self._ready = False
        self._generation = generation
        #: Device and inode of the file in use.
        self._file: tuple[int, int] | None = None
        self._idle: deque[sqlite3.Connection] = deque()
        #: Connections of a parent process: closing them here could harm it.
        self._inherited: list[sqlite3.Connection] = []
        self._closed = False
        self._next_sweep = 0.0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the file, whatever others write in the meantime."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """The only transaction that writes; it is committed unless an exception is raised.

        Args:
            durable: Whether it must survive a power failure, which costs a wait for the disk. Otherwise a
                power failure may lose the last transactions; the file stays intact either way.
        """
        if not self.breaker.allows():
            raise StoreError(f"the file {self.path} was locked by another process a moment ago")
        with self._transaction("BEGIN IMMEDIATE", durable=durable) as connection:
            self.breaker.answered()
            yield connection
            if self._monotonic() >= self._next_sweep:
                self._next_sweep = self._monotonic() + _SWEEP_SECONDS
                _sweep(connection, self.clock())
        if self._journal_size() > _MAX_JOURNAL_BYTES:
            # SQLite writes it back by itself, but truncates it only if there is no reader at that moment.
            self._write_back()

    def wipe(self) -> None:
        """After a removal: remove the data from the journal next to the file too."""
        self._write_back()

    def _journal_size(self) -> int:
        try:
            return self._journal.stat().st_size
        except OSError:
            return 0

    def _write_back(self) -> None:
        connection = self._take()
        try:
            # Has no effect while there is a reader; the next large write tries again.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            connection.close()
            raise self._unusable(error) from error
        self._give_back(connection)

    def check(self) -> None:
        """Open the file; create it when it does not exist."""
        with self.writing():
            pass

    def generation(self) -> str:
        """See `Database.generation`: it is written into the file when it is created."""
        with self.reading():
            return self._generation or ""

    def notices_restarts(self) -> bool:
        """See `Database.notices_restarts`: claims of tokens wait for the disk."""
        return True

    def durability_warning(self) -> str | None:
        """See `Database.durability_warning`: claims of tokens wait for the disk."""
        return None

    def close(self) -> None:
        """Close the idle connections, and each other one when its transaction ends."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
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
                # The file may have been removed or damaged: the next use checks.
                self._ready = False
                self._close_idle()
                raise
            except BaseException:
                try:
                    connection.rollback()
                except sqlite3.Error:
                    connection.close()
                    raise
                self._give_back(connection)
                raise
            self._give_back(connection)
        except sqlite3.Error as error:
            if "locked" in str(error):
                self.breaker.timed_out()
            raise self._unusable(error) from error

    def _take(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self._inherited += self._idle
            self._pid, self._idle = os.getpid(), deque()
        try:
            if not self._ready:
                self._set_up()
                self._ready = True
            self._check_file()
            if not self._idle:
                connection = self._open()
                try:
                    self._check_file()
                except BaseException:
                    connection.close()
                    raise
                return connection
            return self._idle.pop()
        except IndexError:  # another thread took it
            return self._take()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _check_file(self) -> None:
        if self._file != _file_at(self.path):
            self._close_idle()
            raise self._replaced()

    def _replaced(self) -> StoreError:
        return StoreError(f"the file {self.path} {_REPLACED}", f"The file of the store {_REPLACED}.")

    def _unusable(self, error: Exception) -> StoreError:
        # Not its subclasses: they stand for a lock, a full disk or missing rights.
        if type(error) is sqlite3.DatabaseError:
            return StoreError(f"the file {self.path} is damaged ({error}): {_REPLACE}", _DAMAGED)
        return StoreError(f"the file {self.path} cannot be used: {error}")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            # After the append: whichever thread comes second, this one or that of close(), finds it.
            self._close_idle()

    def _open(self) -> sqlite3.Connection:
        # Transactions begin explicitly: a read that turns into a write would fail instead of wait.
        connection = sqlite3.connect(
            # A file that was removed in the meantime is not created again.
            f"file:{quote(os.fsencode(self.path.absolute()))}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA synchronous=NORMAL")
            # Removed data may be a key: it is overwritten in the file.
            connection.execute("PRAGMA secure_delete=ON")
            # Replaced rows are counted as removed.
            connection.execute("PRAGMA recursive_triggers=ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self) -> None:
        """Create the file, one process at a time; the tables of an older version are replaced.

        Only the first use creates it: later, a missing file is one that was removed.
        """
        if self._generation is not None and not self.path.exists():
            raise self._replaced()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A separate file: closing the database's would release the locks of every connection to it.
        with open(self.path.with_suffix(".lock"), "w", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.path.exists():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(self._open()) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version > VERSION:
                    # During an upgrade this may be an old worker: it must not replace what new ones use.
                    raise StoreError(
                        f"the file {self.path} belongs to a newer version of the playground: "
                        "start that version, or move the file away"
                    )
                if self._generation is not None and not version:
                    raise self._replaced()
                connection.execute("PRAGMA journal_mode=WAL")
                if version < VERSION:
                    _create_tables(connection)
                (generation,) = connection.execute("SELECT generation FROM store").fetchone()
                if self._generation not in (None, generation):
                    raise self._replaced()
                self._generation, self._file = generation, _file_at(self.path)


def _file_at(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at a path; None if there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _create_tables(connection: sqlite3.Connection) -> None:
    """Replace all tables, but for the rows of `KEPT`, at once or not at all."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    if not tables:
        # Has an effect only in an empty file; other files reuse their free pages.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")
    connection.execute("BEGIN IMMEDIATE")
    kept = {table: _rows(connection, table, columns) for table, columns in KEPT.items()}
    kept["store"] = kept["store"] or [(secrets.token_hex(8),)]
    for (name,) in tables:
        connection.execute(f'DROP TABLE "{name}"')
    for statement in SCHEMA:
        connection.execute(statement)
    for table, rows in kept.items():
        columns = KEPT[table]
        places = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)  # noqa: S608
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def _rows(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> list[Any]:
    """The rows of a table of an older version; none if it has other columns."""
    found = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
    if not found.issuperset(columns):
        return []
    return connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sweep(connection: sqlite3.Connection, now: float) -> None:
    """Remove expired rows, and return free pages to the file system when there are many."""
    for statement in EXPIRED:
        connection.execute(statement, {"now": now})
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    surplus = free - pages // 2
    for _ in range(min(surplus, _MAX_FREED_PAGES)):
        # Each step returns one page, and Python executes one step.
        connection.execute("PRAGMA incremental_vacuum(1)")
