"""The SQLite file. Several workers write it at the same time: write-ahead log, short transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["Database"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, browser TEXT NOT NULL, at REAL NOT NULL, source TEXT NOT NULL,
    page TEXT NOT NULL, line TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER,
    error TEXT, elapsed REAL NOT NULL, attempts INTEGER NOT NULL, endpoint TEXT NOT NULL,
    request_id TEXT, in_use INTEGER, detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_of_browser ON calls (browser, id);
CREATE TABLE IF NOT EXISTS tokens (
    browser TEXT NOT NULL, token TEXT NOT NULL, at REAL NOT NULL, result TEXT,
    PRIMARY KEY (browser, token)
);
CREATE TABLE IF NOT EXISTS workers (
    pid INTEGER NOT NULL, settings TEXT NOT NULL, started REAL NOT NULL, at REAL NOT NULL,
    stats TEXT NOT NULL, PRIMARY KEY (pid, settings)
);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, browser TEXT NOT NULL, kind TEXT NOT NULL, pid INTEGER NOT NULL,
    at REAL NOT NULL, beat REAL NOT NULL, ended REAL, cancelled INTEGER NOT NULL DEFAULT 0,
    about TEXT NOT NULL, state TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_of_browser ON jobs (browser, kind, at);
CREATE TABLE IF NOT EXISTS job_items (
    job TEXT NOT NULL, number INTEGER NOT NULL, item TEXT NOT NULL, PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS login_failures (at REAL NOT NULL);
"""


class Database:
    """Opens a connection per piece of work: cheap for a local file, and safe with threads and forks.

    Args:
        path: The file; made at the first use, readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready_in: int | None = None

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection with a transaction, committed at the end unless something is raised."""
        if self._ready_in != os.getpid():
            self._set_up()
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            # A crash of the machine may lose the last lines of a log, never break the file.
            connection.execute("PRAGMA synchronous=NORMAL")
            with connection:
                yield connection

    def _set_up(self) -> None:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(handle)
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)
        self._ready_in = os.getpid()
