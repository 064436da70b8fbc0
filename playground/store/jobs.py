"""What runs in the background: begun in one worker process, seen and cancelled from every one."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .backend import Database, Record
from .process_identity import HERE, runs

__all__ = ["SILENT_SECONDS", "Job", "JobLimits", "JobStore", "JobWriter", "TooManyJobsError"]

#: Jobs of one kind that a browser keeps, and for how long.
_KEPT: Final = 20
_KEPT_SECONDS: Final = 12 * 3600.0

#: A job that says nothing for this long has lost its thread.
SILENT_SECONDS: Final = 300.0

_RATE_SECONDS: Final = 10.0

#: Characters of a text that a job is begun with.
_MAX_TEXT: Final = 16 * 1024


class TooManyJobsError(RuntimeError):
    """So many jobs run already that another one has to wait; the message says which limit it is."""


@dataclass(frozen=True)
class JobLimits:
    """How many jobs of one kind there may be.

    Attributes:
        per_browser: At the same time in one browser.
        total: At the same time in all browsers.
        rate: Begun by one browser within ten seconds.
    """

    per_browser: int
    total: int
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


class JobStore:
    """The jobs of one browser."""

    def __init__(self, database: Database, browser: str) -> None:
        self._table, self._browser = database.jobs, browser

    def begin(self, kind: str, about: dict[str, Any], limits: JobLimits) -> str:
        """Write a job down, unless there are too many.

        Args:
            kind: What it does.
            about: What it is begun with.
            limits: How many there may be.

        Returns:
            Its id.

        Raises:
            TooManyJobsError: There are too many.
        """
        now, id = time.time(), secrets.token_urlsafe(9)

        def admit(going: list[Record], recent: int) -> None:
            alive = [job for job in going if _alive(job)]
            mine = sum(job["browser"] == self._browser for job in alive)
            if mine >= limits.per_browser:
                raise TooManyJobsError(
                    "One is under way in this browser; wait for it or cancel it."
                    if limits.per_browser == 1
                    else f"{limits.per_browser} are under way in this browser; wait for one or cancel it."
                )
            if len(alive) >= limits.total:
                raise TooManyJobsError(
                    f"{limits.total} are under way for all browsers together; try in a moment."
                )
            if recent >= limits.rate:
                raise TooManyJobsError(
                    f"This browser may begin {limits.rate} within ten seconds; wait a moment."
                )

        job = {
            "id": id, "browser": self._browser, "kind": kind, "here": HERE, "pid": os.getpid(), "at": now,
            "beat": now, "ended": None, "cancelled": False, "about": _cut(about), "state": "{}",
        }  # fmt: skip
        self._table.begin(job, now - _RATE_SECONDS, admit, _KEPT, _KEPT_SECONDS)
        return id

    def find(self, id: str) -> Job | None:
        """A job of this browser, or None."""
        record = self._table.find(self._browser, id)
        return None if record is None else _job(record)

    def latest(self, kind: str, count: int = 1) -> list[Job]:
        """The last jobs of a kind, latest first."""
        return [_job(record) for record in self._table.latest(self._browser, kind, count)]

    def items(self, id: str) -> list[Any]:
        """What a job of this browser has collected, in its order."""
        return [json.loads(text) for text in self._table.items(self._browser, id)]

    def cancel(self, id: str) -> None:
        """Ask a job to stop; its thread sees it at its next step."""
        self._table.cancel(self._browser, id)


class JobWriter:
    """What the thread of one job writes.

    Args:
        database: Where to.
        id: The job.
    """

    def __init__(self, database: Database, id: str) -> None:
        self._table, self.id = database.jobs, id
        self._items = 0
        self._most = self._room = database.quotas.job

    def write(self, state: dict[str, Any], items: Sequence[Any] = (), *, ended: bool = False) -> bool:
        """Say how far it is.

        Args:
            state: Replaces what it said before.
            items: Added to what it has collected.
            ended: Whether this is the last word.

        Returns:
            Whether somebody asked it to stop.
        """
        texts = [text for text in map(json.dumps, items) if self._fits(text)]
        cancelled = self._table.write(
            self.id, _bounded(state, self._most // 4), texts, self._items, time.time(), ended=ended
        )
        self._items += len(texts)
        # A job that was forgotten has nobody left who waits for it.
        return True if cancelled is None else cancelled

    def _fits(self, text: str) -> bool:
        """Whether a job may keep an item as well; the state has a quarter of its room."""
        if len(text) > self._room - self._most // 4:
            return False
        self._room -= len(text)
        return True


def _cut(about: dict[str, Any]) -> str:
    """What a job is begun with as text; of a long text in it the beginning."""
    return json.dumps({
        name: value[:_MAX_TEXT] if isinstance(value, str) else value for name, value in about.items()
    })  # fmt: skip


def _bounded(state: dict[str, Any], most: int) -> str:
    """A state as text; without its longest parts, which are named, when it is too long."""
    text = json.dumps(state)
    if len(text) <= most:
        return text
    parts = {name: json.dumps(value) for name, value in state.items()}
    left_out: list[str] = []
    while parts and sum(map(len, parts.values())) > most // 2:
        left_out.append(max(parts, key=lambda name: len(parts[name])))
        del parts[left_out[-1]]
    return json.dumps({**{name: state[name] for name in parts}, "left_out": left_out})


def _alive(job: Record) -> bool:
    # Of another machine's processes nothing is known but what they last said.
    return runs(job["here"], job["pid"]) is not False and time.time() - job["beat"] < SILENT_SECONDS


def _job(record: Record) -> Job:
    return Job(
        id=record["id"],
        kind=record["kind"],
        pid=record["pid"],
        at=record["at"],
        ended=record["ended"],
        cancelled=bool(record["cancelled"]),
        alive=record["ended"] is None and _alive(record),
        about=json.loads(record["about"]),
        state=json.loads(record["state"]),
    )
