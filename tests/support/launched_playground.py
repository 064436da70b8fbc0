"""The playground as `bin/playground` starts it: the launcher, its output and its processes.

`Launched` has no controlling terminal, as under a supervisor; `LaunchedInTerminal` has one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

from .running_playground import ROOT, bare_environment
from .waiting import until

__all__ = ["Launched", "LaunchedInTerminal", "runs"]


class Launched:
    """A running launcher and its output."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.log = folder / "launcher.log"
        self.family: set[int] = set()
        given = {"PLAYGROUND_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(ROOT), **environment}
        command = [sys.executable, "-m", "playground.launcher", *arguments]
        self.process = self._start(command, folder, {**bare_environment(), **given})

    def _start(
        self, command: list[str], folder: Path, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with self.log.open("w") as output:
            return subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def address(self) -> str:
        """The address it prints once it is up."""
        until(lambda: "Ctrl-C stops it" in self.text() or self.process.poll() is not None, within=60)
        found = re.search(r"^The playground is at (http://\S+?)[, ]", self.text(), re.MULTILINE)
        assert found is not None, self.text()
        self.family = descendants(self.process.pid)
        return found[1]

    def wait(self) -> int:
        return self.process.wait(60)

    def left_behind(self) -> set[int]:
        """Processes it started that still run."""
        return {pid for pid in self.family if runs(pid)}

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pid in self.left_behind():
            os.kill(pid, signal.SIGKILL)


class LaunchedInTerminal(Launched):
    """A launcher that a shell has started in a terminal, to which it writes.

    Args:
        folder: Where its state and its output are kept.
        shell: The line of the shell, with `"$@"` for the launcher. The process is the leader of the session.
    """

    def __init__(self, folder: Path, *arguments: str, shell: str, **environment: str) -> None:
        self._shell = shell
        super().__init__(folder, *arguments, **environment)

    def _start(
        self, command: list[str], folder: Path, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        self._terminal, inside = pty.openpty()
        os.set_blocking(self._terminal, False)
        process = subprocess.Popen(
            ["sh", "-c", self._shell, "sh", *command],
            cwd=folder, env=environment, stdin=inside, stdout=inside, stderr=inside,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(inside)
        self.log.touch()
        return process

    def text(self) -> str:
        with contextlib.suppress(OSError), self.log.open("ab") as log:  # no output yet, or closed
            log.write(os.read(self._terminal, 65536).replace(b"\r\n", b"\n"))
        return super().text()

    def type(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def close_terminal(self) -> None:
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def end(self) -> None:
        super().end()
        self.close_terminal()


def descendants(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children}.union(*(descendants(int(child)) for child in children))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
