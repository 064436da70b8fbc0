"""This machine and its processes: boot id, boot clock, and the start time of a process.

Linux answers from `/proc`; macOS and the BSDs from `sysctl` and `ps`. Elsewhere the boot is unnamed and the
state of other processes is unknown.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["UNNAMED_BOOT", "boot_id", "boot_seconds", "pid_namespace", "process_start", "thread_exists"]

_PROC = Path("/proc")

#: Names the boot where the system does not.
UNNAMED_BOOT = "unnamed"

_COMMAND_SECONDS = 5.0


@cache
def boot_id() -> str:
    """The id of this boot of the machine; the same in all of its containers."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return (_output("sysctl", "-n", "kern.bootsessionuuid") if os.name == "posix" else "") or UNNAMED_BOOT


def boot_seconds() -> float:
    """Seconds since the boot, sleep included where the system counts it. A set clock does not change it."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number = getattr(time, name, None)
        if number is not None:
            return time.clock_gettime(number)
    return time.monotonic()


def pid_namespace() -> str:
    """The namespace of the process ids: containers of one machine have their own. A fork may change it."""
    with suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")
    return ""


def process_start(pid: int) -> str | None:
    """The start time of a process, only for comparison; ids are given again, but not with the same start.

    Args:
        pid: A process id of this machine and namespace.

    Returns:
        An empty string when no such process runs, a zombie included; None when the system does not tell.
    """
    if sys.platform == "win32":
        return None  # os.kill(pid, 0) would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        # It runs as another user, who may have hidden it from /proc.
        pass
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        if os.path.exists(_PROC / "self/stat"):
            return None
    else:
        # The name, in parentheses, may contain spaces and parentheses: the fields begin behind the last one.
        state, *fields = stat.rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    state, _, start = _output("ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)).partition(" ")
    if not state:
        return None
    return "" if state[0] in "ZX" else start.strip() or None


def thread_exists(pid: int, thread: int) -> bool | None:
    """Whether a process has a thread.

    Args:
        pid: A running process of this machine and namespace.
        thread: The system's id of the thread: `threading.Thread.native_id`.

    Returns:
        None when the system does not tell.
    """
    tasks = _PROC / str(pid) / "task"
    return os.path.exists(tasks / str(thread)) if os.path.exists(tasks / str(pid)) else None


def _output(*command: str) -> str:
    import subprocess  # needed without /proc only

    try:
        done = subprocess.run(  # noqa: S603  # fixed programs, a number as the only argument
            command,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
            # Another process compares the times that are printed, perhaps with other settings.
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC0"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
