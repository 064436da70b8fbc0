"""Under real Gunicorn: no request fails, no socket is shared, and the bound on sockets holds."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support.fault_server import Exchange, FaultServer, echo
from ..support.waiting import until
from .conftest import no_open_sockets
from .gunicorn_server import ROOT, Gunicorn, Load, is_alive

pytestmark = pytest.mark.gunicorn

WORKERS, POOL_SIZE, BROWSERS = 2, 2, 6

SETTINGS: dict[str, dict[str, Any]] = {
    "sync": {"worker_class": "sync"},
    "gthread": {"worker_class": "gthread", "threads": 4},
    "gevent": {"worker_class": "gevent", "worker_connections": 20},
}
KINDS = pytest.mark.parametrize("kind", SETTINGS)

#: With --preload the app is imported before the workers patch, so the patch has to come first.
GEVENT_FIRST = "from gevent import monkey; monkey.patch_all()"


def slow_echo(exchange: Exchange) -> bool:
    """Take long enough that calls of one worker meet."""
    time.sleep(0.002)
    return echo(exchange)


@pytest.fixture
def api() -> Iterator[FaultServer]:
    with FaultServer(after=slow_echo) as server:
        yield server


def serve(folder: Path, api: FaultServer, kind: str, app: str = "create_app()", **settings: Any) -> Gunicorn:
    environment = {
        "FLASK_OCTASPACE_BASE_URL": api.url,
        "FLASK_OCTASPACE_KEEP_ALIVE": "true",
        "FLASK_OCTASPACE_POOL_SIZE": str(POOL_SIZE),
        "FLASK_OCTASPACE_POOL_TIMEOUT": "20",
    }
    prelude = GEVENT_FIRST if kind == "gevent" and settings.get("preload_app") else ""
    return Gunicorn(
        folder, f"tests.flask.gunicorn_app:{app}",
        {"workers": WORKERS, **SETTINGS[kind], **settings}, environment, prelude,
    )  # fmt: skip


def check_sockets(api: FaultServer) -> dict[int, set[int]]:
    """Hold what arrived to the promises, and return the connections of each process."""
    processes: dict[int, set[int]] = {}
    connections: dict[int, set[int]] = {}
    for arrival in list(api.journal):
        pid = int(arrival.path.rpartition("/")[2])
        processes.setdefault(arrival.connection, set()).add(pid)
        connections.setdefault(pid, set()).add(arrival.connection)
    shared = {number: pids for number, pids in processes.items() if len(pids) > 1}
    assert not shared, "connections that more than one process used"
    # Nothing closes a connection here, so each process opens no more than it may have at once.
    assert max(map(len, connections.values())) <= POOL_SIZE
    return connections


def check_answers(load: Load) -> None:
    assert load.failures == []
    for answer in load.answers:
        assert answer["echoed"] == f"/process/{answer['pid']}", "an answer to another request"
        assert answer["attempts"] == 1


@KINDS
@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
def test_a_reload_under_load(tmp_path: Path, api: FaultServer, kind: str, preload: bool) -> None:
    app = f"create_app(use_at_once={preload})"
    with serve(tmp_path, api, kind, app, preload_app=preload) as server:
        with Load(server, BROWSERS) as load:
            until(lambda: len(load.pids) == WORKERS and len(load.answers) > 50, within=50)
            before = load.pids
            server.signal(signal.SIGHUP)
            until(lambda: not any(map(is_alive, before)) and len(load.pids) == 2 * WORKERS, within=50)
            answered = len(load.answers)
            until(lambda: len(load.answers) > answered + 50)
        check_answers(load)
        until(lambda: api.open_count <= WORKERS * POOL_SIZE + preload)
        figures = server.get("/stats")
        assert figures["pools"][api.url]["available"] == POOL_SIZE
    connections = check_sockets(api)
    assert len(connections) == 2 * WORKERS + preload, "with --preload the master has used the API as well"
    no_open_sockets(api)


@KINDS
def test_workers_that_retire_under_load(tmp_path: Path, api: FaultServer, kind: str) -> None:
    with serve(tmp_path, api, kind, max_requests=30, max_requests_jitter=10) as server:
        with Load(server, BROWSERS) as load:
            until(lambda: len(load.pids) >= 2 * WORKERS, within=90)
        check_answers(load)
        until(lambda: api.open_count <= WORKERS * POOL_SIZE)
    assert len(check_sockets(api)) >= 2 * WORKERS
    no_open_sockets(api)


@KINDS
def test_a_browser_that_leaves_a_stream(tmp_path: Path, api: FaultServer, kind: str) -> None:
    with serve(tmp_path, api, kind) as server:
        browser = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        browser.request("GET", "/endless")
        answer = browser.getresponse()
        assert answer.read(10_000)
        assert api.open_count == 1
        answer.close()
        browser.close()
        no_open_sockets(api)
        server.get("/")


def hook() -> str:
    """The `worker_exit` of the documentation, with a line for each client that it closes."""
    text = (ROOT / "docs" / "gunicorn.md").read_text(encoding="utf-8")
    (recipe,) = (block for block in text.split("```python\n") if "def worker_exit" in block)
    code = recipe.partition("```")[0]
    return code.replace(".close()", ".close(); print('closed', app.name, flush=True)")


@pytest.mark.parametrize(
    ("app", "closed"),
    [
        ("create_app()", {"served"}),
        ("create_wrapped_app()", {"served"}),
        ("create_mounted_apps()", {"served", "mounted"}),
    ],
)
def test_the_hook_of_the_documentation(tmp_path: Path, app: str, closed: set[str]) -> None:
    with Gunicorn(tmp_path, f"tests.flask.gunicorn_app:{app}", {"workers": 1}, {}, hook()) as server:
        server.get("/stats")
        if "mounted" in closed:
            server.get("/mounted/stats")
    assert sorted(re.findall("^closed (.*)$", server.log, re.MULTILINE)) == sorted(closed)


def test_the_hook_of_the_documentation_and_an_app_that_does_not_start(tmp_path: Path) -> None:
    conf = tmp_path / "gunicorn.conf.py"
    conf.write_text(f"{hook()}\nbind = '127.0.0.1:0'\ncontrol_socket_disable = True\n")
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", str(conf), "tests.flask.gunicorn_app:create_failing_app()"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "it does not start" in result.stderr
    assert "Worker failed to boot" in result.stderr
    assert "AttributeError" not in result.stderr
    assert "closed" not in result.stdout
