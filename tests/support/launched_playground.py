"""The playground as `bin/playground` starts it: the launcher, its output and its processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from .running_playground import ROOT, bare_environment
from .waiting import until

__all__ = ["Launched", "runs"]


class Launched:
    """A running launcher and its output."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.log = folder / "launcher.log"
        given = {"PLAYGROUND_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(ROOT), **environment}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "playground.launcher", *arguments],
                cwd=folder, env={**bare_environment(), **given}, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.family: set[int] = set()

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


def descendants(pid: int) -> set[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children}.union(*(descendants(int(child)) for child in children))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
