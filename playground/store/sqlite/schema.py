"""The tables. What a row is kept for stands in the row, so that one sweep serves all of them."""

from __future__ import annotations

from typing import Final

from .quotas import COUNTED, USAGE

__all__ = ["EXPIRED", "SCHEMA", "VERSION"]

#: Changes with the schema; a file of another version is begun anew, for it holds nothing that lasts.
VERSION: Final = 5

SCHEMA: Final = (
    "CREATE TABLE browsers (id TEXT PRIMARY KEY, seen REAL NOT NULL, until REAL NOT NULL)",
    "CREATE TABLE forgotten (browser TEXT PRIMARY KEY, until REAL NOT NULL)",
    "CREATE INDEX forgotten_by_age ON forgotten (until)",
    """CREATE TABLE concerns (
        browser TEXT NOT NULL, concern TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,
        text TEXT NOT NULL, PRIMARY KEY (browser, concern)
    )""",
    "CREATE INDEX concerns_by_age ON concerns (kind, at)",
    # What is long comes last: SQLite need not read it to get at what stands before.
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT, browser TEXT NOT NULL, until REAL NOT NULL,
        size INTEGER NOT NULL, at REAL NOT NULL, source TEXT NOT NULL, page TEXT NOT NULL,
        line TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER, error TEXT,
        elapsed REAL NOT NULL, attempts INTEGER NOT NULL, endpoint TEXT NOT NULL, request_id TEXT,
        in_use INTEGER, detail TEXT NOT NULL
    )""",
    "CREATE INDEX calls_of_browser ON calls (browser, id, until, size)",
    """CREATE TABLE tokens (
        browser TEXT NOT NULL, token TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
        owner TEXT NOT NULL, result TEXT, PRIMARY KEY (browser, token)
    )""",
    "CREATE INDEX tokens_by_age ON tokens (at)",
    """CREATE TABLE workers (
        settings TEXT NOT NULL, worker TEXT NOT NULL, until REAL NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (settings, worker)
    )""",
    """CREATE TABLE jobs (
        id TEXT PRIMARY KEY, browser TEXT NOT NULL, kind TEXT NOT NULL, here TEXT NOT NULL,
        pid INTEGER NOT NULL, at REAL NOT NULL, beat REAL NOT NULL, ended REAL, cancelled INTEGER NOT NULL,
        until REAL NOT NULL, about TEXT NOT NULL, state TEXT NOT NULL
    )""",
    "CREATE INDEX jobs_of_browser ON jobs (browser, kind, at)",
    """CREATE TABLE job_items (
        job TEXT NOT NULL, number INTEGER NOT NULL, browser TEXT NOT NULL, item TEXT NOT NULL,
        PRIMARY KEY (job, number)
    )""",
    """CREATE TABLE tries (
        address TEXT PRIMARY KEY, count INTEGER NOT NULL, turn REAL NOT NULL, until REAL NOT NULL
    )""",
    "CREATE INDEX tries_by_age ON tries (until)",
    USAGE,
    *COUNTED,
)

EXPIRED: Final = (
    "DELETE FROM browsers WHERE until < :now",
    "DELETE FROM forgotten WHERE until < :now",
    "DELETE FROM concerns WHERE browser NOT IN (SELECT id FROM browsers)",
    "DELETE FROM browsers WHERE id NOT IN (SELECT browser FROM concerns)",
    "DELETE FROM calls WHERE until < :now",
    "DELETE FROM tokens WHERE until < :now",
    "DELETE FROM workers WHERE until < :now",
    "DELETE FROM jobs WHERE until < :now",
    "DELETE FROM job_items WHERE job NOT IN (SELECT id FROM jobs)",
    "DELETE FROM tries WHERE until < :now",
)
