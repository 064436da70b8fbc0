"""Identity of a process among those of all machines that share the store."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ProcessIdentity"]


def _host_id() -> str:
    """Identifies this machine since its last start, or this container: the scope of its process ids."""
    parts = [platform.node()]
    with suppress(OSError):  # not on every system
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


_HOST: Final = _host_id()
_STARTED: Final = time.time()


@dataclass(frozen=True)
class ProcessIdentity:
    """Identifies one process.

    Attributes:
        host: Id of the machine or container; process ids are unique within it.
        pid: Process id.
        started: Start time, seconds since 1970.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The identity of the calling process; a forked child has its own."""
        return cls(_HOST, os.getpid(), _STARTED)

    @property
    def name(self) -> str:
        """The host and the process id as one text."""
        return f"{self.host}:{self.pid}"

    def is_running(self, host: str, pid: int) -> bool | None:
        """Whether another process runs, as seen from this one.

        Args:
            host: Host of the other process.
            pid: Its process id.

        Returns:
            None for a process on another host, which cannot be seen from here.
        """
        if host != self.host:
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True
