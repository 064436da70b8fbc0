"""Apps against a real server on the loopback interface."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from flask_octaspace import OctaSpace

from ..support.fault_server import FaultServer, answer
from ..support.waiting import until

KEY = "app-key-0123456789"

MakeApp = Callable[..., tuple[Flask, OctaSpace]]


@pytest.fixture
def api() -> Iterator[FaultServer]:
    with FaultServer(after=answer({"ok": True})) as server:
        yield server


@pytest.fixture
def make_app(api: FaultServer) -> MakeApp:
    """Make an app whose client uses `api` and keeps its connections."""

    def make(octa: OctaSpace | None = None, name: str = "testapp", **config: Any) -> tuple[Flask, OctaSpace]:
        octa = octa or OctaSpace()
        app = Flask(name)
        app.testing = True
        app.config.update(
            {"OCTASPACE_API_KEY": KEY, "OCTASPACE_BASE_URL": api.url, "OCTASPACE_KEEP_ALIVE": True, **config}
        )
        octa.init_app(app)
        return app, octa

    return make


def no_open_sockets(server: FaultServer) -> None:
    """Wait until the server has seen every connection end; the kernel's message takes its time."""
    until(lambda: server.open_count == 0)


def run_script(source: str, *arguments: str) -> str:
    """Run Python in a separate process and return its output."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout
