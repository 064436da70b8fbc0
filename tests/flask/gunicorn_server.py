"""Real Gunicorn on a free port, and browsers that keep it busy."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from ..support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Gunicorn:
    """A master and its workers; ends with the block.

    Args:
        folder: Where its configuration and its log go.
        app: As on Gunicorn's command line.
        settings: As in Gunicorn's configuration file.
        environment: For the app.
        prelude: What stands first in the configuration file.
    """

    def __init__(
        self, folder: Path, app: str, settings: dict[str, Any], environment: dict[str, str], prelude: str = ""
    ) -> None:
        settings = {"bind": "127.0.0.1:0", "control_socket_disable": True, "graceful_timeout": 20, **settings}
        conf = folder / "gunicorn.conf.py"
        conf.write_text("\n".join([prelude, *(f"{name} = {value!r}" for name, value in settings.items())]))
        self._log = folder / "gunicorn.log"
        with self._log.open("w") as log:
            self._master = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", str(conf), app],
                cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.port = 0

    def __enter__(self) -> Gunicorn:
        try:
            until(lambda: "Listening at" in self.log or self._master.poll() is not None)
            assert self._master.poll() is None, self.log
            found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.log)
            assert found is not None, self.log
            self.port = int(found[1])
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.signal(signal.SIGTERM)
                assert self._master.wait(30) == 0, self.log
        finally:
            self._kill()
        for word in ("Traceback", "[ERROR]", "[CRITICAL]", "[WARNING]"):
            assert word not in self.log, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self._master.send_signal(number)

    def get(self, path: str) -> Any:
        """The JSON of one answer, over a separate connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (answer.status, body)
            return json.loads(body)
        finally:
            connection.close()

    def _kill(self) -> None:
        self._master.kill()
        self._master.wait()


class Load:
    """Browsers that ask one thing after another until the block ends.

    Attributes:
        answers: What they got.
        failures: What went wrong: nothing may.
    """

    def __init__(self, server: Gunicorn, browsers: int) -> None:
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self._server = server
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._browse) for _ in range(browsers)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def pids(self) -> set[int]:
        """The workers that have answered."""
        return {answer["pid"] for answer in list(self.answers)}

    def _browse(self) -> None:
        while not self._over.is_set():
            try:
                self.answers.append(self._server.get("/"))
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                self.failures.append(repr(error))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
