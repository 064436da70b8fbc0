"""The latest figures of each worker's connection pools, for the pages of the other workers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from .backend import Database
from .process_identity import ProcessIdentity

__all__ = ["WorkerSnapshot", "WorkerSnapshots"]

#: The snapshot of a process that has ended stays visible for this long.
_ENDED_SECONDS: Final = 30.0

#: A worker of another host without a snapshot for this long is assumed to have ended.
_UNSEEN_SECONDS: Final = 120.0

_KEPT_SECONDS: Final = 3600.0


@dataclass(frozen=True)
class WorkerSnapshot:
    """A worker's pools as last published.

    Attributes:
        pid: Process id.
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
        settings: Fingerprint of the settings; it reveals nothing about them.
        identity: The worker that publishes; by default this process.
    """

    def __init__(self, database: Database, settings: str, identity: ProcessIdentity | None = None) -> None:
        self._table, self._clock, self._settings = database.workers, database.clock, settings
        self._identity = identity or ProcessIdentity.current()

    def publish(self, stats: dict[str, Any]) -> None:
        """Publish this process's snapshot."""
        worker = self._identity
        snapshot = {
            "pid": worker.pid, "started": worker.started, "at": self._clock(), "stats": stats,
        }  # fmt: skip
        self._table.publish(self._settings, worker.name, json.dumps(snapshot), _KEPT_SECONDS)

    def forget(self) -> None:
        """Remove every worker's snapshot for these settings."""
        self._table.drop(self._settings, list(self._table.all(self._settings)))

    def all(self) -> list[WorkerSnapshot]:
        """Every worker's snapshot, by process id; those that ended some time ago are removed."""
        snapshots, expired = [], []
        for worker, text in self._table.all(self._settings).items():
            saved = json.loads(text)
            age = self._clock() - saved["at"]
            alive = self._identity.is_running(worker)
            if alive is None:
                alive = age < _UNSEEN_SECONDS
            if age > (_KEPT_SECONDS if alive else _ENDED_SECONDS):
                expired.append(worker)
            else:
                snapshots.append(WorkerSnapshot(saved["pid"], saved["started"], age, alive, saved["stats"]))
        if expired:
            self._table.drop(self._settings, expired)
        return sorted(snapshots, key=lambda snapshot: snapshot.pid)
