"""Identity of a process among those of all machines that share the store."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from octaspace.rentals.host import UNNAMED_BOOT, boot_id, pid_namespace, process_start

__all__ = ["ProcessIdentity", "pid_of"]

_STARTED: Final = time.time()


@dataclass(frozen=True)
class ProcessIdentity:
    """Identifies one process.

    Attributes:
        host: Id of the machine since its last start, or of the container: the scope of its process ids. Two
            containers with the same host name have different ids.
        pid: Process id.
        start: Start time of the process, only for comparison: a process id is given again, but not with the
            same start time. Empty where the system does not tell.
        started: Start time, seconds since 1970, for people.
    """

    host: str
    pid: int
    start: str
    started: float

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The identity of the calling process; a forked child has its own."""
        return _identity_of(os.getpid())

    @property
    def name(self) -> str:
        """The identity as one text, which is kept in the store."""
        return f"{self.host}:{self.pid}:{self.start}"

    def is_running(self, name: str) -> bool | None:
        """Whether another process runs, as seen from this one.

        Args:
            name: The `name` of the other process.

        Returns:
            None for a process that cannot be seen from here: on another host, or where neither a boot nor
            the processes of another user are visible.
        """
        if name == self.name:
            return True
        host, _, rest = name.partition(":")
        pid, _, start = rest.partition(":")
        if host != self.host or boot_id() == UNNAMED_BOOT:
            return None
        found = process_start(int(pid))
        if found is None:
            return None
        return found == start if found and start else bool(found)


def pid_of(name: str) -> int:
    """The process id in the `name` of a process."""
    return int(name.split(":", 2)[1])


@lru_cache(maxsize=1)
def _identity_of(pid: int) -> ProcessIdentity:
    scope = "\n".join((platform.node(), boot_id(), pid_namespace()))
    host = hashlib.sha256(scope.encode()).hexdigest()[:12]
    return ProcessIdentity(host, pid, process_start(pid) or "", _STARTED)
