"""What each worker process last said of its pools: they live per process, and a browser meets any."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any, Final

from .database import Database

__all__ = ["Snapshot", "Workers", "runs"]

#: A snapshot of a process that is gone stays visible for this long, faded.
_DEAD_SECONDS: Final = 30.0

_STARTED: Final = time.time()


@dataclass(frozen=True)
class Snapshot:
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


class Workers:
    """Snapshots of all workers on this machine, for one set of settings.

    Args:
        database: Where they are kept.
        settings: Fingerprint of the settings; it says nothing about them to others.
    """

    def __init__(self, database: Database, settings: str) -> None:
        self._database, self._settings = database, settings

    def leave(self, stats: dict[str, Any]) -> None:
        """Leave this process's snapshot."""
        with self._database.connect() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO workers (pid, settings, started, at, stats) VALUES (?, ?, ?, ?, ?)",
                (os.getpid(), self._settings, _STARTED, time.time(), json.dumps(stats)),
            )

    def everyone(self) -> list[Snapshot]:
        """Every worker's snapshot, by process id; the long dead are removed."""
        now = time.time()
        with self._database.connect() as connection:
            rows = connection.execute(
                "SELECT * FROM workers WHERE settings = ? ORDER BY pid", (self._settings,)
            ).fetchall()
            gone = [row["pid"] for row in rows if not runs(row["pid"]) and now - row["at"] > _DEAD_SECONDS]
            connection.executemany("DELETE FROM workers WHERE pid = ?", [(pid,) for pid in gone])
        return [
            Snapshot(row["pid"], row["started"], now - row["at"], runs(row["pid"]), json.loads(row["stats"]))
            for row in rows
            if row["pid"] not in gone
        ]


def runs(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
