"""Progress of a background job: told by its threads, written to the store by one more thread.

The threads of a job only change memory, so that a store that fails or hangs neither ends a job nor delays it.
The writing thread also notices a cancellation.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from octaspace import Client

from ..store import JobWriter, StoreError

__all__ = ["Progress"]

#: Seconds between two writes, so that a fast job does not spend its time on them.
_BETWEEN: Final = 0.15

#: Seconds between two heartbeats of a job that tells nothing: many times within its lease. Each shows whether
#: the job was cancelled.
_HEARTBEAT: Final = 0.5

#: Maximum seconds between two attempts to write to a store that fails.
_MAX_PAUSE: Final = 5.0

#: Maximum seconds for which `flush` waits.
_FLUSH: Final = 3.0

_log: Final = logging.getLogger(__name__)


class Progress:
    """Progress of a running job. Thread-safe.

    Args:
        writer: Writes the progress.
        sleep: Waits a number of seconds between two attempts to write to a store that fails.
    """

    def __init__(self, writer: JobWriter, sleep: Callable[[float], object] = time.sleep) -> None:
        self._writer, self._sleep = writer, sleep
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {}
        self._items: list[Any] = []
        self._told = False
        self._over = False
        self._urgent = threading.Event()
        self._stop = threading.Event()
        self._ending: list[Client] = []
        #: Set after the next write, successful or not.
        self._waiting: list[threading.Event] = []
        self._deferred: deque[Callable[[], object]] = deque()
        self._failures = 0

    @property
    def id(self) -> str:
        return self._writer.id

    def tell(self, *items: Any, at_once: bool = False, **state: Any) -> None:
        """Add items, and change the state of the job. Nothing is written before this returns.

        Args:
            items: Added to the collected items.
            at_once: Write now, even if the last write was a moment ago.
            state: Replaces these entries of the state.
        """
        with self._lock:
            if self._over:
                return
            self._state.update(state)
            self._items += items
            self._told = True
        if at_once:
            self._urgent.set()

    def defer(self, write: Callable[[], object]) -> None:
        """Write something else to the store: later, in the thread that writes the progress.

        Args:
            write: Called before the next write of the progress; again later if it raises a `StoreError`.
        """
        with self._lock:
            self._deferred.append(write)
            self._told = True

    def flush(self) -> None:
        """Wait until the progress is written; for a moment only when the store fails.

        Afterwards `cancelled` is up to date.
        """
        written = threading.Event()
        with self._lock:
            self._waiting.append(written)
        self._urgent.set()
        written.wait(_FLUSH)

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled, as far as it was noticed: within half a second."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether it was cancelled."""
        return self._stop.wait(seconds)

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

    def end(self) -> None:
        """Nothing more is told; the final state is written, by the thread of `write_until_ended`."""
        with self._lock:
            self._over = True
        self._urgent.set()

    def write_until_ended(self) -> None:
        """Write heartbeats and progress until the end of the job is written, however long the store fails."""
        atexit.register(self._report_unwritten)
        try:
            while not self.write():
                self._pause()
        finally:
            atexit.unregister(self._report_unwritten)

    def write(self) -> bool:
        """Write the progress once; return whether the end of the job is written."""
        with self._lock:
            self._urgent.clear()
            state, items, over = dict(self._state), list(self._items), self._over
            waiting, self._waiting = self._waiting, []
            self._told = False
        stop = None
        try:
            self._write_deferred()
            stop = self._writer.write(state, items, ended=over)
        except StoreError as error:
            # The job continues; the next write has the state and the items as well.
            if not self._failures:
                _log.error("The progress of the job %s could not be stored: %s", self.id, error)
            self._failures += 1
        except Exception as error:
            # Not the store: the items or the state cannot be written, and never will be.
            _log.exception("The progress of the job %s could not be written", self.id)
            self._discard(items, error)
            self._failures += 1
        else:
            if self._failures:
                _log.warning("The progress of the job %s is stored again", self.id)
            self._failures = 0
        with self._lock:
            if stop is not None:
                del self._items[: len(items)]
            if stop and not self._stop.is_set():
                self._stop.set()
                for client in self._ending:
                    client.close()
        for written in waiting:
            written.set()
        return over and stop is not None

    def _write_deferred(self) -> None:
        while self._deferred:
            try:
                self._deferred[0]()
            except StoreError:
                raise
            except Exception:
                _log.exception("A record of the job %s could not be written", self.id)
            self._deferred.popleft()

    def _pause(self) -> None:
        """Wait until something is to be written: what was told, a heartbeat, or all again after a failure."""
        if self._failures:
            self._sleep(min(_MAX_PAUSE, _BETWEEN * 2.0 ** min(self._failures, 10)))
            return
        for _ in range(round(_HEARTBEAT / _BETWEEN)):
            if self._urgent.wait(_BETWEEN) or self._told:
                return

    def _discard(self, items: list[Any], error: Exception) -> None:
        with self._lock:
            del self._items[: len(items)]
            self._state = {"failure": f"Internal error of the playground ({type(error).__name__})."}

    def _report_unwritten(self) -> None:
        """At the end of the process."""
        _log.error(
            "The end of the job %s could not be stored before this process ended: it counts as lost", self.id
        )
