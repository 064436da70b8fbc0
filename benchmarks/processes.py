"""The processes of a benchmark: the server on one core, and the measured client alone on another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["ROOT", "Process", "Server", "Worker", "cores", "environment_of"]

ROOT = Path(__file__).resolve().parent.parent


def cores() -> tuple[int, int]:
    """A core for the client and one for the server; the same core if there is only one."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return usable[0], usable[-1]


def environment_of(python: str) -> dict[str, str]:
    """The variables for a Python that runs a module of the benchmarks, and keeps what it compiles."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    if python != sys.executable:
        # Only the benchmarks: our packages must not hide the package of the peer with the same name.
        environment["PYTHONPATH"] = str(_harness_alone())
    return environment


class Process:
    """A child process that runs a Python module and ends when its standard input is closed."""

    def __init__(self, module: str, *, python: str = sys.executable, core: int | None = None) -> None:
        self._child = subprocess.Popen(
            [python, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            env=environment_of(python),
        )  # fmt: skip
        if core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._child.pid, {core})

    def say(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def hear(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the child process ended with {self._child.wait()}")
        return line

    def close(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with suppress(OSError):
            self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


class Server(Process):
    """The minimal server."""

    def __init__(self) -> None:
        super().__init__("benchmarks.thin_server", core=cores()[1])
        self.url = f"http://127.0.0.1:{int(self.hear())}"


class Worker(Process):
    """A process for one library."""

    def __init__(self, python: str = sys.executable) -> None:
        super().__init__("benchmarks.worker", python=python, core=cores()[0])

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command to `benchmarks.worker` and wait for its answer."""
        self.say(json.dumps({"do": do, **arguments}))
        answer: dict[str, Any] = json.loads(self.hear())
        return answer


def _harness_alone() -> Path:
    """A folder that contains only this package, without octaspace."""
    folder = ROOT / "build" / "benchmark-harness"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "benchmarks"
    if not link.is_symlink():
        link.symlink_to(ROOT / "benchmarks")
    return folder
