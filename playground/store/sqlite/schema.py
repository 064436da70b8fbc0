"""The tables. Each row holds its time of expiry, so that one sweep removes expired rows of all tables."""

from __future__ import annotations

from typing import Final

from .usage import USAGE_TABLE, USAGE_TRIGGERS

__all__ = ["EXPIRED", "KEPT", "SCHEMA", "VERSION"]

#: Increases with each change of the schema. The tables of an older version are replaced.
VERSION: Final = 12

#: Tables whose rows are copied from an older version, with their columns: without them, a form that was sent
#: before an upgrade could be carried out again, and the cookie of a browser that was deleted would be valid.
#: The file stays the same one, and its generation with it.
#: A later version may add columns with a default, but has to keep these.
KEPT: Final = {
    "tokens": ("browser", "token", "at", "until", "owner", "result"),
    "forgotten": ("browser", "until"),
    "store": ("generation",),
}

SCHEMA: Final = (
    "CREATE TABLE store (generation TEXT NOT NULL)",
    "CREATE TABLE browsers (id TEXT PRIMARY KEY, seen REAL NOT NULL, until REAL NOT NULL)",
    "CREATE TABLE forgotten (browser TEXT PRIMARY KEY, until REAL NOT NULL)",
    "CREATE INDEX forgotten_by_age ON forgotten (until)",
    """CREATE TABLE browser_state (
        browser TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,
        text TEXT NOT NULL, PRIMARY KEY (browser, key)
    )""",
    "CREATE INDEX browser_state_by_age ON browser_state (kind, at)",
    # The long column is the last: SQLite need not read it to read those before.
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY AUTOINCREMENT, browser TEXT NOT NULL, until REAL NOT NULL,
        size INTEGER NOT NULL, at REAL NOT NULL, target TEXT NOT NULL, source TEXT NOT NULL,
        page TEXT NOT NULL, line TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
        status INTEGER, error TEXT, elapsed REAL NOT NULL, attempts INTEGER NOT NULL,
        retries INTEGER NOT NULL, failovers INTEGER NOT NULL, endpoint TEXT NOT NULL,
        address TEXT NOT NULL, request_id TEXT, in_use INTEGER, cache TEXT, detail TEXT NOT NULL
    )""",
    "CREATE INDEX calls_of_browser ON calls (browser, id, until, size, source)",
    """CREATE TABLE tokens (
        browser TEXT NOT NULL, token TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
        owner TEXT NOT NULL, renewed REAL NOT NULL DEFAULT 0, result TEXT, PRIMARY KEY (browser, token)
    )""",
    "CREATE INDEX tokens_by_age ON tokens (at)",
    """CREATE TABLE workers (
        settings TEXT NOT NULL, worker TEXT NOT NULL, until REAL NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (settings, worker)
    )""",
    """CREATE TABLE endpoints (
        browser TEXT NOT NULL, endpoint TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
        text TEXT NOT NULL, PRIMARY KEY (browser, endpoint)
    )""",
    "CREATE INDEX endpoints_by_age ON endpoints (at)",
    """CREATE TABLE jobs (
        id TEXT PRIMARY KEY, browser TEXT NOT NULL, kind TEXT NOT NULL, process TEXT NOT NULL,
        at REAL NOT NULL, heartbeat REAL NOT NULL, ended REAL,
        cancelled INTEGER NOT NULL, until REAL NOT NULL, about TEXT NOT NULL, state TEXT NOT NULL
    )""",
    "CREATE INDEX jobs_of_browser ON jobs (browser, kind, at)",
    """CREATE TABLE job_items (
        job TEXT NOT NULL, number INTEGER NOT NULL, browser TEXT NOT NULL, item TEXT NOT NULL,
        PRIMARY KEY (job, number)
    )""",
    """CREATE TABLE login_attempts (
        address TEXT PRIMARY KEY, count INTEGER NOT NULL, turn REAL NOT NULL, until REAL NOT NULL
    )""",
    "CREATE INDEX login_attempts_by_age ON login_attempts (until)",
    USAGE_TABLE,
    *USAGE_TRIGGERS,
)

EXPIRED: Final = (
    "DELETE FROM browsers WHERE until < :now",
    "DELETE FROM forgotten WHERE until < :now",
    "DELETE FROM browser_state WHERE browser NOT IN (SELECT id FROM browsers)",
    "DELETE FROM browsers WHERE id NOT IN (SELECT browser FROM browser_state)",
    "DELETE FROM calls WHERE until < :now",
    "DELETE FROM tokens WHERE until < :now",
    "DELETE FROM workers WHERE until < :now",
    "DELETE FROM endpoints WHERE until < :now",
    "DELETE FROM jobs WHERE until < :now",
    "DELETE FROM job_items WHERE job NOT IN (SELECT id FROM jobs)",
    "DELETE FROM login_attempts WHERE until < :now",
)
