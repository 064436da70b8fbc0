"""The playground in production form: real Gunicorn over two endpoints of a sandbox, on free ports.

The sandbox runs in this process, so that a test reads its journal and sets its faults directly.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from octaspace.sandbox import Clock, SandboxServer

from .waiting import until

__all__ = ["ROOT", "WITHOUT_CACHE", "RunningPlayground", "answers", "bare_environment", "free_port"]

ROOT = Path(__file__).resolve().parents[2]

#: The playground whose pages ask the sandbox each time: tests replace its data within seconds.
WITHOUT_CACHE = 'playground:create_app({"OCTASPACE_CACHE_TTL": 0})'

#: Variables that a process needs; all others could change the app's behaviour.
_NEEDED = ("PATH", "LANG", "TMPDIR", "SYSTEMROOT")


class RunningPlayground:
    """Gunicorn with its workers, and their sandbox, during a `with` block.

        with RunningPlayground(tmp_path, workers=3) as running:
            urllib.request.urlopen(running.url + "/playground/dashboard")
            running.sandbox.journal.entries()

    Args:
        folder: Where state and log are kept; not shared.
        workers: How many Gunicorn workers.
        clock: The sandbox's clock; the system's by default.
        environment: Further variables, as an operator sets them.
        app: What Gunicorn serves instead of the playground.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int,
        clock: Clock | None = None,
        environment: Mapping[str, str] | None = None,
        app: str = "playground:create_app()",
    ) -> None:
        self.workers, self._app = workers, app
        self.state_dir = folder / "state"
        self.log_path = folder / "log"
        self.sandbox = SandboxServer(ports=(0, 0), clock=clock, control_port=0)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._given = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RunningPlayground:
        self.sandbox.start()
        try:
            self._process = self._start()
            until(self._is_up, within=60)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def stop_gunicorn(self) -> None:
        """Stop Gunicorn as an upgrade does; the sandbox stays."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(40)

    def start_gunicorn(self) -> None:
        """Start it again at the same address; returns at once."""
        self._process = self._start()

    def log(self) -> str:
        """What Gunicorn and the app have written so far, on both streams."""
        return self.log_path.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Gunicorn's master."""
        assert self._process is not None
        return self._process.pid

    def worker_pids(self) -> list[int]:
        """The running workers."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def warm_up(self, path: str) -> None:
        """Request a page until every worker has served it; the system chooses the worker."""
        opener: Any = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        served = re.compile(rf'<(\d+)> "GET {re.escape(path)}" 200')

        def all_have_served_it() -> bool:
            with opener.open(self.url + path, timeout=60) as answer:  # without keep-alive
                answer.read()
            return {int(pid) for pid in served.findall(self.log())} >= set(self.worker_pids())

        until(all_have_served_it, within=60)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"Gunicorn ended by itself:\n{self.log()}"
        if "Connection in use" in self.log():
            # Another process took the port between our check and Gunicorn's.
            self._process.terminate()
            self._process.wait()
            self.url = f"http://127.0.0.1:{free_port()}"
            self._process = self._start()
            return False
        return len(self.worker_pids()) == self.workers and answers(self.url)

    def _start(self) -> subprocess.Popen[bytes]:
        # The command and the variables of playground/launcher/launch.py.
        command = [sys.executable, "-m", "gunicorn", "-c", "playground/gunicorn.conf.py"]
        environment = {
            **bare_environment(),
            "PLAYGROUND_BIND": self.url.removeprefix("http://"),
            "PLAYGROUND_WORKERS": str(self.workers),
            "PLAYGROUND_SANDBOX_URLS": ",".join(self.sandbox.urls),
            "PLAYGROUND_SANDBOX_CONTROL": self.sandbox.control_url.rpartition("/")[0],
            "PLAYGROUND_STATE_DIR": str(self.state_dir),
            **self._given,
        }
        with self.log_path.open("wb") as log:
            return subprocess.Popen(
                [*command, self._app],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _stop(self) -> None:
        # Held requests end first, so that Gunicorn does not wait.
        self.sandbox.faults.remove_all()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self.sandbox.stop()


def bare_environment() -> dict[str, str]:
    """The variables of the processes that tests start: none that changes their behaviour."""
    return {name: os.environ[name] for name in _NEEDED if name in os.environ}


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a playground reports that it is healthy."""
    opener: Any = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/healthz", timeout=5) as answer:
            return bool(re.fullmatch(rb"ok\s*", answer.read()))
    except (OSError, http.client.HTTPException):
        return False
