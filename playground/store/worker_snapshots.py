"""What each worker process last said of its pools: they live per process, and a browser meets any."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any, Final

from .backend import Database
from .process_identity import HERE, runs

__all__ = ["WorkerSnapshot", "WorkerSnapshots"]

#: A snapshot of a process that is gone stays visible for this long, faded.
_DEAD_SECONDS: Final = 30.0

#: A worker of another machine that nobody met for this long is taken for gone.
_UNSEEN_SECONDS: Final = 120.0

_KEPT_SECONDS: Final = 3600.0

_STARTED: Final = time.time()


@dataclass(frozen=True)
class WorkerSnapshot:
    """A worker's pools as it last left them.

    Attributes:
        pid: The process.
        started: When it started, seconds since 1970.
        age: Seconds since it was written.
        alive: Whether the process still runs.
        stats: `Client.transport_stats()`.
    """

    pid: int
    started: float
    age: float
    alive: bool
    stats: dict[str, Any]


class WorkerSnapshots:
    """Snapshots of all workers, for one set of settings.

    Args:
        database: Where they are kept.
        settings: Fingerprint of the settings; it says nothing about them to others.
    """

    def __init__(self, database: Database, settings: str) -> None:
        self._table, self._settings = database.workers, settings

    def publish(self, stats: dict[str, Any]) -> None:
        """Leave this process's snapshot."""
        said = {"here": HERE, "pid": os.getpid(), "started": _STARTED, "at": time.time(), "stats": stats}
        self._table.publish(self._settings, f"{HERE}:{os.getpid()}", json.dumps(said), _KEPT_SECONDS)

    def forget(self) -> None:
        """Remove every worker's snapshot for these settings."""
        self._table.drop(self._settings, list(self._table.all(self._settings)))

    def all(self) -> list[WorkerSnapshot]:
        """Every worker's snapshot, by process id; the long dead are removed."""
        snapshots, gone = [], []
        for worker, text in self._table.all(self._settings).items():
            said = json.loads(text)
            age = time.time() - said["at"]
            alive = runs(said["here"], said["pid"])
            if alive is None:
                alive = age < _UNSEEN_SECONDS
            if age > (_KEPT_SECONDS if alive else _DEAD_SECONDS):
                gone.append(worker)
            else:
                snapshots.append(WorkerSnapshot(said["pid"], said["started"], age, alive, said["stats"]))
        if gone:
            self._table.drop(self._settings, gone)
        return sorted(snapshots, key=lambda snapshot: snapshot.pid)
