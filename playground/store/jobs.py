"""What runs in the background: begun in one worker process, seen and cancelled from every one."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .database import Database
from .workers import runs

__all__ = ["BusyError", "Job", "JobLog", "Jobs", "Limits"]

#: Jobs of one kind that a browser keeps, and for how long.
_KEPT: Final = 20
_KEPT_SECONDS: Final = 12 * 3600

#: A job that says nothing for this long has lost its thread.
_SILENT_SECONDS: Final = 300.0

_RATE_SECONDS: Final = 10.0


class BusyError(RuntimeError):
    """So many jobs run already that another one has to wait; the message says which limit it is."""


@dataclass(frozen=True)
class Limits:
    """How many jobs of one kind there may be.

    Attributes:
        mine: At the same time in one browser.
        all: At the same time in all browsers.
        rate: Begun by one browser within ten seconds.
    """

    mine: int
    all: int
    rate: int


@dataclass(frozen=True)
class Job:
    """A job as it was last heard of.

    Attributes:
        id: What it is found by.
        kind: What it does: ``runner``, ``smoke`` or ``lab``.
        pid: The process that runs it.
        at: When it began, seconds since 1970.
        ended: When it ended, or None.
        cancelled: Whether somebody asked it to stop.
        alive: Whether it goes on: not ended, and its process is there.
        about: What it was begun with.
        state: What it last said of itself.
    """

    id: str
    kind: str
    pid: int
    at: float
    ended: float | None
    cancelled: bool
    alive: bool
    about: dict[str, Any]
    state: dict[str, Any]

    @property
    def lost(self) -> bool:
        """Whether it will never end, because its process did."""
        return self.ended is None and not self.alive

    @property
    def seconds(self) -> float:
        """How long it took, or has taken."""
        return (self.ended or time.time()) - self.at


class Jobs:
    """The jobs of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._database, self._browser = database, browser

    def begin(self, kind: str, about: dict[str, Any], limits: Limits) -> str:
        """Write a job down, unless there are too many.

        Args:
            kind: What it does.
            about: What it is begun with.
            limits: How many there may be.

        Returns:
            Its id.

        Raises:
            BusyError: There are too many.
        """
        now, id = time.time(), secrets.token_urlsafe(9)
        with self._database.connect() as connection:
            # Counting and writing are one step for all workers.
            connection.execute("BEGIN IMMEDIATE")
            going = [job for job in self._all(connection, kind) if job["alive"]]
            mine = [job for job in going if job["browser"] == self._browser]
            (recent,) = connection.execute(
                "SELECT count(*) FROM jobs WHERE browser = ? AND kind = ? AND at > ?",
                (self._browser, kind, now - _RATE_SECONDS),
            ).fetchone()
            if len(mine) >= limits.mine:
                raise BusyError(
                    "One is under way in this browser; wait for it or cancel it."
                    if limits.mine == 1
                    else f"{limits.mine} are under way in this browser; wait for one or cancel it."
                )
            if len(going) >= limits.all:
                raise BusyError(f"{limits.all} are under way for all browsers together; try in a moment.")
            if recent >= limits.rate:
                raise BusyError(f"This browser may begin {limits.rate} within ten seconds; wait a moment.")
            connection.execute(
                "INSERT INTO jobs (id, browser, kind, pid, at, beat, about, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, '{}')",
                (id, self._browser, kind, os.getpid(), now, now, json.dumps(about)),
            )
            self._forget(connection, kind, now)
        return id

    def find(self, id: str) -> Job | None:
        """A job of this browser, or None."""
        with self._database.connect() as connection:
            row = connection.execute(
                "SELECT * FROM jobs WHERE browser = ? AND id = ?", (self._browser, id)
            ).fetchone()
        return None if row is None else _job(row)

    def latest(self, kind: str, count: int = 1) -> list[Job]:
        """The last jobs of a kind, latest first."""
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT * FROM jobs WHERE browser = ? AND kind = ? ORDER BY at DESC, rowid DESC LIMIT ?",
                (self._browser, kind, count),
            ).fetchall()
        return [_job(row) for row in rows]

    def items(self, id: str) -> list[Any]:
        """What a job of this browser has collected, in its order."""
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT item FROM job_items JOIN jobs ON jobs.id = job "
                "WHERE browser = ? AND job = ? ORDER BY number",
                (self._browser, id),
            ).fetchall()
        return [json.loads(row["item"]) for row in rows]

    def cancel(self, id: str) -> None:
        """Ask a job to stop; its thread sees it at its next step."""
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE jobs SET cancelled = 1 WHERE browser = ? AND id = ? AND ended IS NULL",
                (self._browser, id),
            )

    @staticmethod
    def _all(connection: sqlite3.Connection, kind: str) -> list[dict[str, Any]]:
        rows = connection.execute(
            "SELECT browser, pid, beat FROM jobs WHERE kind = ? AND ended IS NULL", (kind,)
        ).fetchall()
        return [{"browser": row["browser"], "alive": _alive(row)} for row in rows]

    def _forget(self, connection: sqlite3.Connection, kind: str, now: float) -> None:
        old = "SELECT id FROM jobs WHERE browser = ? AND kind = ? ORDER BY at DESC LIMIT -1 OFFSET ?"
        connection.execute(
            f"DELETE FROM jobs WHERE ended IS NOT NULL AND id IN ({old})",  # noqa: S608
            (self._browser, kind, _KEPT),
        )
        connection.execute("DELETE FROM jobs WHERE at < ?", (now - _KEPT_SECONDS,))
        connection.execute("DELETE FROM job_items WHERE job NOT IN (SELECT id FROM jobs)")


class JobLog:
    """What the thread of one job writes.

    Args:
        database: Where to.
        id: The job.
    """

    def __init__(self, database: Database, id: str) -> None:
        self._database, self.id = database, id
        self._items = 0

    def write(self, state: dict[str, Any], items: Sequence[Any] = (), *, ended: bool = False) -> bool:
        """Say how far it is.

        Args:
            state: Replaces what it said before.
            items: Added to what it has collected.
            ended: Whether this is the last word.

        Returns:
            Whether somebody asked it to stop.
        """
        now = time.time()
        with self._database.connect() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, beat = ?, ended = ? WHERE id = ?",
                (json.dumps(state), now, now if ended else None, self.id),
            )
            connection.executemany(
                "INSERT INTO job_items (job, number, item) VALUES (?, ?, ?)",
                [(self.id, self._items + at, json.dumps(item)) for at, item in enumerate(items)],
            )
            row = connection.execute("SELECT cancelled FROM jobs WHERE id = ?", (self.id,)).fetchone()
        self._items += len(items)
        # A job that was forgotten has nobody left who waits for it.
        return row is None or bool(row["cancelled"])


def _alive(row: sqlite3.Row) -> bool:
    return runs(row["pid"]) and time.time() - row["beat"] < _SILENT_SECONDS


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        pid=row["pid"],
        at=row["at"],
        ended=row["ended"],
        cancelled=bool(row["cancelled"]),
        alive=row["ended"] is None and _alive(row),
        about=json.loads(row["about"]),
        state=json.loads(row["state"]),
    )
