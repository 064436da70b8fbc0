"""Background jobs, for work that takes longer than a page may: method runs, smoke suite, failover lab.

The thread runs in the worker that received the request. Its state is written to the store, where every
worker reads it. Between two steps it checks whether it was cancelled. A second thread polls while
the first is busy or waits: it writes the heartbeat of the job, and ends its waits after a cancellation.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from octaspace import Client

from ..store import Database, JobLimits, JobStore, JobWriter, StoreError, TooManyJobsError

__all__ = ["Progress", "begin"]

#: Seconds between two writes, so that a fast job does not spend its time on them.
_BETWEEN: Final = 0.15

#: Seconds between two polls for the cancellation of a job that makes no progress calls.
_LOOK: Final = 0.5

_log: Final = logging.getLogger(__name__)


class Progress:
    """Progress of a running job. Thread-safe.

    Args:
        log: Receives the progress.
    """

    def __init__(self, log: JobWriter) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {}
        self._items: list[Any] = []
        self._written = 0.0
        self._stop = threading.Event()
        self._over = threading.Event()
        self._ending: list[Client] = []

    @property
    def id(self) -> str:
        return self._log.id

    def tell(self, *items: Any, at_once: bool = False, **state: Any) -> None:
        """Add items, and change the state of the job.

        Args:
            items: Added to the collected items.
            at_once: Write now, even if the last write was a moment ago.
            state: Replaces these entries of the state.
        """
        with self._lock:
            self._state.update(state)
            self._items += items
            if at_once or time.monotonic() - self._written >= _BETWEEN:
                self._write()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        self.tell()
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether it was cancelled."""
        return self._stop.wait(seconds) or self.cancelled

    @contextmanager
    def ending(self, client: Client) -> Iterator[Client]:
        """A copy of a client that is closed when the job is cancelled.

        Its waits end, and nothing more is sent. Use it only for reads: a stop must still be sent.
        """
        copy = client.with_options()
        with self._lock:
            self._ending.append(copy)
            if self._stop.is_set():
                copy.close()
        try:
            yield copy
        finally:
            with self._lock:
                self._ending.remove(copy)
            copy.close()

    def watch(self) -> None:
        """Poll for a cancellation until the job is over."""
        while not self._over.wait(_LOOK):
            self.tell()

    def end(self) -> None:
        """Write the final state."""
        with self._lock:
            self._write(ended=True)
            self._over.set()

    def _write(self, *, ended: bool = False) -> None:
        if self._over.is_set():
            return
        self._written = time.monotonic()
        try:
            stop = self._log.write(self._state, self._items, ended=ended)
        except StoreError as error:
            # The job continues; the next call writes the state as well.
            _log.error("The progress of the job %s could not be stored: %s", self.id, error)
            return
        self._items = []
        if stop and not self._stop.is_set():
            self._stop.set()
            for client in self._ending:
                client.close()


def begin(
    database: Database,
    browser: str,
    kind: str,
    about: dict[str, Any],
    limits: JobLimits,
    work: Callable[[Progress], None],
) -> str:
    """Start a job in a new thread.

    Args:
        database: Where its progress is kept.
        browser: Id of the browser that owns the job.
        kind: Kind of the job.
        about: Its parameters, stored for its page.
        limits: Maximum numbers of jobs.
        work: Does the work. An exception becomes ``failure`` in the state, and is logged.

    Returns:
        The job's id.

    Raises:
        playground.store.TooManyJobsError: There are too many.
    """
    id = JobStore(database, browser).begin(kind, about, limits)
    progress = Progress(JobWriter(database, id))

    def run() -> None:
        watching = threading.Thread(target=progress.watch, name=f"{kind}-{id}-watch", daemon=True)
        try:
            watching.start()
            work(progress)
        except Exception as error:
            _log.exception("The job %s (%s) failed", id, kind)
            progress.tell(failure=f"Internal error of the playground ({type(error).__name__}).")
        finally:
            progress.end()
            if watching.ident is not None:
                watching.join()

    # A new context, without anything of the request that started the job.
    thread = threading.Thread(target=contextvars.Context().run, args=(run,), name=f"{kind}-{id}", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        progress.end()
        raise TooManyJobsError("The server has no free thread. Try again in a moment.") from None
    return id
