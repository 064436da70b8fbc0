"""A ledger in a SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from ..errors import RentalLedgerError
from ..fork import notice_fork, register_after_fork
from .host import boot_id, boot_seconds
from .ledger_time import LedgerTime
from .rental import Rental

__all__ = ["SqliteBackend"]

#: Version of the tables, in `user_version` of the file.
_VERSION: Final = 1

_TABLE: Final = "rentals"
_SCHEMA: Final = f"""
CREATE TABLE {_TABLE} (
    id TEXT PRIMARY KEY,
    revision TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    created REAL NOT NULL,
    document TEXT NOT NULL
) WITHOUT ROWID
"""

#: How long a writer waits for another one, in seconds.
_BUSY_SECONDS: Final = 10.0
_LOCKED_PAUSE: Final = 0.01

#: With less space on the disk an entry cannot be stored: a transaction writes a few pages.
_MIN_FREE_BYTES: Final = 64 * 1024


def host_time() -> LedgerTime:
    """The host's boot clock: a set clock changes nothing, a restart begins a new epoch."""
    return LedgerTime(boot_id(), boot_seconds(), time.time())


class _Turns:
    """One transaction at a time in this process, and none while it forks.

    SQLite keeps the locks of a process in its memory. A child that is forked in the middle of a transaction
    has a copy of them, and could never write.
    """

    def __init__(self) -> None:
        self.after_fork_in_child()
        register_after_fork(self)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_parent=self._after_fork_in_parent)

    def after_fork_in_child(self) -> None:
        # Reentrant: a signal handler may use a ledger while this thread does.
        self.lock = threading.RLock()

    def _before_fork(self) -> None:
        self.lock.acquire()

    def _after_fork_in_parent(self) -> None:
        self.lock.release()


_turns: Final = _Turns()


class SqliteBackend:
    """Entries in a SQLite file with the mode 0600.

    A connection is opened for each transaction and closed after it: there are few transactions, a forked
    child inherits nothing (a fork waits for the transactions of other threads), and a file that was removed
    or replaced is noticed. Commits wait for the disk (`synchronous=FULL` with a write-ahead log).

    Args:
        path: The file; it is created by the first `add`, its directory is not.
        clock: Returns the time; tests pass their own.
    """

    def __init__(self, path: str, *, clock: Callable[[], LedgerTime] = host_time) -> None:
        self._path = path
        self.now = clock

    @property
    def location(self) -> str:
        """The path of the file."""
        return self._path

    def exists(self) -> bool:
        """Whether the file exists.

        Raises:
            RentalLedgerError: It cannot be seen: a reaper without the right to do so must not report success.
        """
        try:
            os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise RentalLedgerError(f"the rental ledger {self._path} cannot be used: {error}") from error
        return True

    def check_writable(self) -> None:
        """See `LedgerBackend.check_writable`: takes the lock of a writer for a moment."""
        folder = os.path.dirname(self._path)
        if self.exists():
            with self._transaction():
                pass
        elif not os.access(folder, os.W_OK):
            problem = "cannot be written" if os.path.isdir(folder) else "is not a directory"
            raise RentalLedgerError(f"the rental ledger {self._path} cannot be used: {folder} {problem}")
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise RentalLedgerError(
                f"the rental ledger {self._path} cannot be used: {error.strerror}"
            ) from error
        if free < _MIN_FREE_BYTES:
            raise RentalLedgerError(f"the rental ledger {self._path} cannot be used: the disk is full")

    def add(self, rental: Rental) -> None:
        """See `LedgerBackend.add`."""
        with self._transaction(create=True) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO rentals VALUES (?, ?, ?, ?, ?)", (rental.id, *_columns(rental))
            )

    def get(self, id: str) -> Rental | None:
        """See `LedgerBackend.get`."""
        if not self.exists():
            return None
        with self._transaction() as connection:
            row = connection.execute("SELECT document FROM rentals WHERE id = ?", (id,)).fetchone()
        return None if row is None else self._rental(row[0])

    def replace(self, old: Rental, new: Rental) -> bool:
        """See `LedgerBackend.replace`."""
        if not self.exists():
            return False
        with self._transaction() as connection:
            done = connection.execute(
                "UPDATE rentals SET revision = ?, is_open = ?, created = ?, document = ? "
                "WHERE id = ? AND revision IN (?, ?)",
                (*_columns(new), old.id, old.revision, new.revision),
            )
            return done.rowcount == 1

    def open_rentals(self) -> list[Rental]:
        """See `LedgerBackend.open_rentals`."""
        return self._rentals(is_open=True)

    def closed_rentals(self) -> list[Rental]:
        """See `LedgerBackend.closed_rentals`."""
        return self._rentals(is_open=False)

    def remove(self, rental: Rental) -> None:
        """See `LedgerBackend.remove`."""
        if self.exists():
            with self._transaction() as connection:
                connection.execute(
                    "DELETE FROM rentals WHERE id = ? AND revision = ?", (rental.id, rental.revision)
                )

    def _rentals(self, *, is_open: bool) -> list[Rental]:
        if not self.exists():
            return []
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT document FROM rentals WHERE is_open = ? ORDER BY created, id", (is_open,)
            ).fetchall()
        return [self._rental(document) for (document,) in rows]

    def _rental(self, document: str) -> Rental:
        try:
            return Rental.from_json(document)
        except ValueError as error:
            raise RentalLedgerError(f"the rental ledger {self._path} cannot be read: {error}") from None

    @contextmanager
    def _transaction(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        notice_fork()
        with _turns.lock, self._connection(create=create) as connection:
            yield connection

    @contextmanager
    def _connection(self, *, create: bool) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            if create and not self.exists():
                # SQLite gives the mode of this file to those that it creates next to it.
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            if self._format(connection) == 0:
                os.chmod(self._path, 0o600)  # an empty file that something else has created
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version={_VERSION}")
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise RentalLedgerError(
                f"the rental ledger {self._path} cannot be used: {self._reason(error)}"
            ) from error
        finally:
            if connection is not None:
                connection.close()  # without COMMIT nothing is stored

    def _reason(self, error: Exception) -> str:
        """Why the file cannot be used; SQLite says only that it cannot."""
        folder = os.path.dirname(self._path)
        if not os.path.isdir(folder):
            return f"there is no directory {folder}"
        if os.path.isdir(self._path):
            return "it is a directory"
        if type(error) is sqlite3.DatabaseError:  # its subclasses stand for a lock, a full disk, …
            return (
                f"it is damaged ({error}): move it away with its -wal and -shm; until then nothing is "
                "rented, and afterwards no reaper knows the rentals in it, so look for them with "
                "client.sessions.list()"
            )
        if "readonly" in str(error):
            return f"this user may not write it ({error})"
        return str(error)

    def _connect(self) -> sqlite3.Connection:
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            # `mode=rw`: a file that was removed in the meantime is not created again with another mode.
            connection = sqlite3.connect(
                f"file:{quote(os.fsencode(self._path))}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
            )
            try:
                self._format(connection)
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                return connection
            except sqlite3.OperationalError as error:
                connection.close()
                # The change of the journal mode does not wait for others by itself.
                if "locked" not in str(error) or time.monotonic() >= end:
                    raise
            except BaseException:
                connection.close()
                raise
            time.sleep(_LOCKED_PAUSE)

    def _format(self, connection: sqlite3.Connection) -> int:
        """The version of the tables; 0 for an empty file."""
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if tables and (version == 0 or _TABLE not in tables):
            raise RentalLedgerError(
                f"{self._path} is the SQLite file of another program, not a rental ledger"
            )
        if version > _VERSION:
            raise RentalLedgerError(
                f"the rental ledger {self._path} was written by a newer version of Flask-OctaSpace "
                f"(format {version}, this one knows {_VERSION}): update it here"
            )
        return int(version)


def _columns(rental: Rental) -> tuple[str, bool, float, str]:
    return rental.revision, rental.closed is None, rental.created.wall, rental.to_json()
