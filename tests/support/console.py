"""`bin/console` as a process: with a script from a pipe, and in a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

from .running_playground import ROOT, bare_environment
from .waiting import until

__all__ = ["Terminal", "piped"]

SESSION = ROOT / "bin" / "console_session.py"
ENVIRONMENT = {**bare_environment(), "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def piped(script: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SESSION), *arguments],
        input=script, cwd=folder, env={**ENVIRONMENT, **environment},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


class Terminal:
    """The console in a pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(SESSION), *arguments],
            cwd=folder, env={**ENVIRONMENT, **environment},
            stdin=inside, stdout=inside, stderr=inside,
        )  # fmt: skip
        os.close(inside)
        os.set_blocking(self._terminal, False)
        self.shown = ""

    def shows(self, text: str) -> None:
        until(lambda: text in self._read(), within=60)

    def type(self, text: str) -> None:
        left = text.encode()
        while left:
            with contextlib.suppress(BlockingIOError):  # its buffer is full until the console has read
                left = left[os.write(self._terminal, left[:1024]) :]
            self._read()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def _read(self) -> str:
        with contextlib.suppress(OSError):  # no output yet, or closed
            self.shown += os.read(self._terminal, 65536).decode(errors="replace")
        return self.shown
