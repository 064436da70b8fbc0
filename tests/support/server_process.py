"""A server program as a process: started, ready, stopped, and ended with its parent."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .programs import find_program
from .waiting import until

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ServerProcess"]


class ServerProcess:
    """A process that listens on a port.

    Args:
        command: What runs it in the foreground; the first word is a path.
        listens: An address and a port that accept a connection as soon as it is ready.
        log: The file for its output.
        ended_by: The signal that stops it.
    """

    def __init__(
        self,
        command: Sequence[str],
        listens: tuple[str, int],
        log: Path,
        ended_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._command, self._listens, self._log = list(command), listens, log
        self._ended_by = ended_by
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        # A test run that is killed leaves no server behind.
        guard = [find_program("setpriv", "util-linux"), "--pdeathsig", "TERM"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, *self._command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._answers)

    def stop(self) -> None:
        """Stop it, so that its ports refuse connections; it can be started again."""
        if self._process is None:
            return
        self._process.send_signal(self._ended_by)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self._command[0]} has ended:\n{self._log.read_text(errors='replace')}")
        try:
            socket.create_connection(self._listens, timeout=5).close()
        except OSError:
            return False
        return True
