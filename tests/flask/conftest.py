"""Apps against a real server on the loopback interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from flask_octaspace import OctaSpace

from ..support.fault_server import Behaviour, FaultServer, answer

KEY = "app-key-0123456789"

MakeApp = Callable[..., tuple[Flask, OctaSpace]]


@pytest.fixture
def api() -> Iterator[FaultServer]:
    with FaultServer(after=answer({"ok": True})) as server:
        yield server


@pytest.fixture
def make_app(api: FaultServer) -> MakeApp:
    """Make an app whose client speaks to `api` and keeps its connections."""

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


def eventually(condition: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
    """Wait until something that another thread sees has come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.005)


def no_open_sockets(server: FaultServer) -> None:
    eventually(lambda: server.open_count == 0, f"open sockets at the API: {server.open_count}")


def failing(status: int, data: Any, **headers: str) -> Behaviour:
    return answer(
        data, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
