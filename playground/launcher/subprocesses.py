"""Processes of the launcher: each leads its own process group, which is stopped as a whole."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["Child", "stop"]

#: Longer than Gunicorn's graceful timeout.
_STOP_SECONDS: Final = 40.0

#: Seconds for child processes that a process has left running.
_REST_SECONDS: Final = 5.0

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """A process and its child processes.

    Args:
        name: Its name in messages.
        command: Program and arguments.
        folder: Its working directory.
        environment: Its complete environment.
        piped: Whether its standard output is available as `process.stdout`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        piped: bool = False,
    ) -> None:
        self.name = name
        self._asked = False
        # A new session: Ctrl-C reaches only the launcher, which then stops the others in order.
        self.process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our commands
            command,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            stdout=subprocess.PIPE if piped else None,
            preexec_fn=_end_with_parent,
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    @property
    def how_it_ended(self) -> str:
        """Its exit code or signal, as text."""
        code = self.process.returncode
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def ask_to_stop(self) -> None:
        """Send the stop signal, once: for some programs a second one means to stop at once."""
        if not self._asked and not self.ended:
            self._asked = True
            self.process.terminate()

    def reload(self) -> None:
        """Ask it to reload, by SIGHUP to this process only: its child processes are its own business."""
        if not self.ended:
            self.process.send_signal(signal.SIGHUP)

    def stop(self, force: Callable[[], bool]) -> None:
        """Wait until it and its child processes have ended.

        Args:
            force: Whether to kill what still runs, now.
        """
        self.ask_to_stop()
        _until(lambda: self.ended, _STOP_SECONDS, force)
        if self.ended:
            self._signal(signal.SIGTERM)
            _until(self._is_empty, _REST_SECONDS, force)
        self._signal(signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _is_empty(self) -> bool:
        return not self._signal(0)

    def _signal(self, number: int) -> bool:
        """Send a signal to the whole group; False if the group is empty."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
            return True
        return False


def stop(children: Sequence[Child], force: Callable[[], bool]) -> None:
    """Ask all of them to stop, and wait until they and their child processes have ended.

    Args:
        children: The processes.
        force: Whether to kill what still runs, now.
    """
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop(force)


def _until(condition: Callable[[], bool], seconds: float, force: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end and not force():
        time.sleep(0.05)


def _end_with_parent() -> None:
    """On Linux: receive SIGTERM when the launcher is killed."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
