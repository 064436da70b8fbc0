"""The owner of a rental: a process, or a name that the program gives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from .host import UNNAMED_BOOT, boot_id, pid_namespace, process_start

__all__ = ["RentalOwner"]


@dataclass(frozen=True, slots=True)
class RentalOwner:
    """The owner of a rental.

    Attributes:
        host: Name of the machine, for people.
        boot_id: The machine's boot: with another one the process no longer exists.
        pid: Process id.
        start_time: Start time of the process, only for comparison; empty where the system does not tell.
        pid_namespace: Namespace of the process id.
        label: What the program calls the owner, e.g. a user's id; None for the process itself.
    """

    host: str
    boot_id: str
    pid: int
    start_time: str
    pid_namespace: str = ""
    label: str | None = None

    @classmethod
    def current(cls, label: str | None = None) -> RentalOwner:
        """The calling process.

        Args:
            label: A name to show in place of it.
        """
        pid = os.getpid()
        return cls(socket.gethostname(), boot_id(), pid, process_start(pid) or "", pid_namespace(), label)

    def is_running(self) -> bool | None:
        """Whether the process runs, as seen from the calling one.

        Returns:
            None when it cannot be seen from here: another machine, a machine whose boot has no id, a
            container with its own process ids, or a process that the system hides.
        """
        if self.boot_id == UNNAMED_BOOT or self.boot_id != boot_id() or self.pid_namespace != pid_namespace():
            return None
        start = process_start(self.pid)
        if start is None:
            return None
        return start == self.start_time if start and self.start_time else bool(start)

    def __str__(self) -> str:
        return self.label or f"{self.host}:{self.pid}"
