"""Background jobs: each runs in one worker process and can be seen and cancelled from every worker."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .backend import LEASE_SECONDS, Database, Record
from .process_identity import ProcessIdentity, pid_of

__all__ = ["Job", "JobLimits", "JobStore", "JobWriter", "TooManyJobsError"]

_KEPT_SECONDS: Final = 12 * 3600.0

_RATE_SECONDS: Final = 10.0

#: Seconds in which an owner on another host shows that it lives, after a cancellation, and how often to look:
#: it writes a heartbeat twice a second.
_SIGN_OF_LIFE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.25

#: Maximum length of a text among a job's arguments, in characters.
_MAX_TEXT: Final = 16 * 1024


class TooManyJobsError(RuntimeError):
    """No further job may begin now; the message names the limit."""


@dataclass(frozen=True)
class JobLimits:
    """How many jobs of one kind there may be.

    Attributes:
        per_browser: Running at the same time in one browser.
        total: Running at the same time in all browsers.
        rate: Begun by one browser within ten seconds.
        kept: Kept for one browser, running or not.
    """

    per_browser: int
    total: int
    rate: int
    kept: int = 20


@dataclass(frozen=True)
class Job:
    """A job as last written.

    Attributes:
        id: Its id.
        kind: ``runner``, ``smoke`` or ``lab``.
        pid: The process that runs it.
        at: When it began, seconds since 1970.
        ended: When it ended, or None.
        seconds: How long it took, or has taken so far.
        cancelled: Whether it was asked to stop.
        alive: Whether it runs: it has not ended, its process runs as far as that can be seen, and its lease
            is renewed.
        about: Its arguments.
        state: The last state that it wrote.
    """

    id: str
    kind: str
    pid: int
    at: float
    ended: float | None
    seconds: float
    cancelled: bool
    alive: bool
    about: dict[str, Any]
    state: dict[str, Any]

    @property
    def lost(self) -> bool:
        """Whether it will never end, because its process did."""
        return self.ended is None and not self.alive


class JobStore:
    """The jobs of one browser.

    Args:
        database: Where they are kept.
        browser: Id of the browser.
        identity: The process that runs the jobs; by default this one.
        sleep: Waits a number of seconds.
    """

    def __init__(
        self,
        database: Database,
        browser: str,
        identity: ProcessIdentity | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._table, self._browser = database.jobs, browser
        self._identity = identity or ProcessIdentity.current()
        self._sleep = sleep

    def begin(self, kind: str, about: dict[str, Any], limits: JobLimits) -> str:
        """Add a job, unless there are too many.

        Args:
            kind: Kind of the job.
            about: Its arguments.
            limits: How many there may be.

        Returns:
            Its id.

        Raises:
            TooManyJobsError: There are too many.
        """
        id = secrets.token_urlsafe(9)

        def admit(running: list[Record], recent: int) -> None:
            alive = [job for job in running if self._is_alive(job)]
            own = sum(job["browser"] == self._browser for job in alive)
            if own >= limits.per_browser:
                raise TooManyJobsError(
                    "A run is already in progress in this browser. Wait for it or cancel it."
                    if limits.per_browser == 1
                    else f"{limits.per_browser} runs are already in progress in this browser. "
                    "Wait for one or cancel it."
                )
            if len(alive) >= limits.total:
                raise TooManyJobsError(
                    f"{limits.total} runs are already in progress in all browsers together. "
                    "Try again in a moment."
                )
            if recent >= limits.rate:
                raise TooManyJobsError(
                    f"A browser can start {limits.rate} runs within ten seconds. Try again in a moment."
                )

        job = {
            "id": id, "browser": self._browser, "kind": kind, "process": self._identity.name,
            "ended": None, "cancelled": False, "about": _shorten(about), "state": "{}",
        }  # fmt: skip
        self._table.begin(job, _RATE_SECONDS, admit, limits.kept, _KEPT_SECONDS)
        return id

    def find(self, id: str) -> Job | None:
        """A job of this browser, or None."""
        record = self._table.find(self._browser, id)
        return None if record is None else self._job(record)

    def latest(self, kind: str, count: int = 1) -> list[Job]:
        """The last jobs of a kind, latest first."""
        return [self._job(record) for record in self._table.latest(self._browser, kind, count)]

    def items(self, id: str) -> list[Any]:
        """The items that a job of this browser has collected, in order."""
        return [json.loads(text) for text in self._table.items(self._browser, id)]

    def cancel(self, id: str) -> None:
        """Ask a job to stop; its thread notices when it writes next.

        If its process cannot be seen from here and gives no sign of life, its lease ends now instead of
        later. A process that was only suspended renews it, and notices that the job was cancelled.
        """
        self._table.cancel(self._browser, id)
        asked = self._table.find(self._browser, id)
        if asked is None or not self._is_running(asked) or self._identity.is_running(asked["process"]):
            return
        for _ in range(int(_SIGN_OF_LIFE_SECONDS / _LOOK_SECONDS)):
            self._sleep(_LOOK_SECONDS)
            latest = self._table.find(self._browser, id)
            if latest is None or latest["ended"] is not None or latest["heartbeat"] != asked["heartbeat"]:
                return
        self._table.release(self._browser, id, asked["heartbeat"])

    def _is_running(self, job: Record) -> bool:
        return job["ended"] is None and self._is_alive(job)

    def _is_alive(self, job: Record) -> bool:
        # Of a process on another host only the heartbeat is known.
        may_run = self._identity.is_running(job["process"]) is not False
        return may_run and job["now"] - job["heartbeat"] < LEASE_SECONDS

    def _job(self, record: Record) -> Job:
        ended = record["ended"]
        return Job(
            id=record["id"],
            kind=record["kind"],
            pid=pid_of(record["process"]),
            at=record["at"],
            ended=ended,
            seconds=(ended or record["now"]) - record["at"],
            cancelled=bool(record["cancelled"]),
            alive=self._is_running(record),
            about=json.loads(record["about"]),
            state=json.loads(record["state"]),
        )


class JobWriter:
    """Writes the progress of one job, for the thread that runs it.

    Args:
        database: Where the job is kept.
        id: Id of the job.
    """

    def __init__(self, database: Database, id: str) -> None:
        self._table, self.id = database.jobs, id
        self._written = 0
        max_bytes = database.quotas.job
        # A quarter is for the state, the rest for the items.
        self._max_state = max_bytes // 4
        self._space_for_items = max_bytes - self._max_state

    def write(self, state: dict[str, Any], items: Sequence[Any] = (), *, ended: bool = False) -> bool:
        """Write the progress.

        Args:
            state: Replaces the former state.
            items: Added to those collected; an item that does not fit is left out.
            ended: Whether the job has ended.

        Returns:
            Whether the job was asked to stop.

        Raises:
            StoreError: It was not written; the next call may pass the same items.
        """
        space, texts = self._space_for_items, []
        for text in map(json.dumps, items):
            if len(text) <= space:
                space -= len(text)
                texts.append(text)
        cancelled = self._table.write(
            self.id, _bounded(state, self._max_state), texts, self._written, ended=ended
        )
        self._written += len(texts)
        self._space_for_items = space
        # A job that was removed has no waiting thread.
        return True if cancelled is None else cancelled


def _shorten(about: dict[str, Any]) -> str:
    """A job's arguments as text; long texts in them are cut."""
    return json.dumps({
        name: value[:_MAX_TEXT] if isinstance(value, str) else value for name, value in about.items()
    })  # fmt: skip


def _bounded(state: dict[str, Any], max_length: int) -> str:
    """A state as text; when it is too long, without its longest parts, which are named."""
    text = json.dumps(state)
    if len(text) <= max_length:
        return text
    parts = {name: json.dumps(value) for name, value in state.items()}
    left_out: list[str] = []
    while parts and sum(map(len, parts.values())) > max_length // 2:
        left_out.append(max(parts, key=lambda name: len(parts[name])))
        del parts[left_out[-1]]
    return json.dumps({**{name: state[name] for name in parts}, "left_out": left_out})
