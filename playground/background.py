"""Threads for what takes longer than a page may: runs of methods, the smoke suite, the failover lab.

The thread lives in the worker that was asked; what it says of itself goes to the store, where every
worker sees it. Between two steps it hears whether somebody asked it to stop.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from .store import Database, JobLog, Jobs, Limits, StoreError

__all__ = ["Progress", "begin"]

#: Seconds between two writes, so that a fast job does not spend its time on telling of it.
_BETWEEN: Final = 0.15

_log: Final = logging.getLogger(__name__)


class Progress:
    """What a job tells while it runs. Safe to use from several threads.

    Args:
        log: Where to.
    """

    def __init__(self, log: JobLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {}
        self._items: list[Any] = []
        self._written = 0.0
        self._stop = threading.Event()

    @property
    def id(self) -> str:
        return self._log.id

    def tell(self, *items: Any, at_once: bool = False, **state: Any) -> None:
        """Add items, and change what is said of the job.

        Args:
            items: Added to what it has collected.
            at_once: Write now, however short ago the last time was.
            state: Replaces what was said under these names.
        """
        with self._lock:
            self._state.update(state)
            self._items += items
            if at_once or time.monotonic() - self._written >= _BETWEEN:
                self._write()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked it to stop."""
        self.tell()
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, and say whether somebody asked it to stop."""
        return self._stop.wait(seconds) or self.cancelled

    def end(self) -> None:
        """The last word."""
        with self._lock:
            self._write(ended=True)

    def _write(self, *, ended: bool = False) -> None:
        self._written = time.monotonic()
        try:
            stop = self._log.write(self._state, self._items, ended=ended)
        except StoreError as error:
            # The job goes on; what it has to tell is told with the next.
            _log.error("The job %s could not tell how far it is: %s", self.id, error)
            return
        self._items = []
        if stop:
            self._stop.set()


def begin(
    database: Database,
    browser: str,
    kind: str,
    about: dict[str, Any],
    limits: Limits,
    work: Callable[[Progress], None],
) -> str:
    """Begin a job in a thread of its own.

    Args:
        database: Where its progress is kept.
        browser: Whose job it is.
        kind: What it does.
        about: What it is begun with; kept for its page.
        limits: How many there may be.
        work: Does it. What it raises becomes ``failure`` in the job's state, and goes to the server's log.

    Returns:
        The job's id.

    Raises:
        playground.store.BusyError: There are too many.
    """
    id = Jobs(database, browser).begin(kind, about, limits)
    progress = Progress(JobLog(database, id))

    def run() -> None:
        try:
            work(progress)
        except Exception as error:
            _log.exception("The job %s (%s) failed", id, kind)
            progress.tell(failure=f"It failed inside the playground ({type(error).__name__}).")
        finally:
            progress.end()

    # Nothing of the request that began it: a context of its own.
    threading.Thread(target=contextvars.Context().run, args=(run,), name=f"{kind}-{id}", daemon=True).start()
    return id
