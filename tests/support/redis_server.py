"""Debian's redis-server on a free port of the loopback interface; it stores nothing on disk by itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from redis import Redis, RedisError

from .waiting import until


def redis_program() -> str:
    """Path of redis-server; without one the test is skipped, and fails in CI."""
    program = shutil.which("redis-server")
    if program is None:
        reason = "no redis-server found (Debian: apt install redis-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return program


class RedisServer:
    """A server that can be stopped and started again on the same port.

    Args:
        folder: Where its log goes.
        options: More words for its command line, e.g. ``"--appendonly", "yes"``.
        password: The one that the options require.
    """

    def __init__(self, folder: Path, *options: str, password: str = "") -> None:
        self._password = password
        self._program, self._folder, self._options = redis_program(), folder, options
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None:
            return
        words = f"--port {self.port} --bind 127.0.0.1 --save  --appendonly no --daemonize no".split(" ")
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *words, "--dir", str(self._folder), *self._options], stdout=log, stderr=log
            )
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """End it without any warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def client(self) -> Redis:
        return Redis.from_url(self.url, decode_responses=True)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False
