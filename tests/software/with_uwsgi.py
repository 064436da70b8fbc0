"""uWSGI, which forks its workers in C, from a process in which a client has been used."""

# /// script
# dependencies = ["pyuwsgi"]
# ///

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.fault_server import Exchange, echo
from tests.support.waiting import until

from .conftest import Secure
from .environments import ROOT

#: Loaded by the master, once: there is no `--lazy-apps`.
APP = """
import json, os, sys
import octaspace

client = octaspace.Client("sk", base_url=os.environ["API"], keep_alive=True, pool_size=2, pool_timeout=60,
                          **json.loads(os.environ["OPTIONS"]))
for number in range(2):
    client.send(octaspace.Request("GET", f"/master/{number}"))

def application(environ, start_response):
    path = environ["PATH_INFO"]
    method = "POST" if path.endswith("1") else "GET"
    start_response("200 OK", [("Content-Type", "application/json")])
    try:
        said = client.send(octaspace.Request(method, path)).data
    except Exception as error:
        said = {"path": repr(error), "connection": None}
    return [json.dumps({"pid": os.getpid(), **said}).encode()]
"""
REQUESTS = 120
WORKERS = 4


def take_ones_time(exchange: Exchange) -> bool:
    """Answer so late that requests of several workers wait at the same time."""
    exchange.server.stopping.wait(0.02)
    return echo(exchange)


@contextmanager
def uwsgi(folder: Path, **environment: str) -> Iterator[int]:
    """Run the app and give its port."""
    (folder / "app.py").write_text(APP)
    log = folder / "uwsgi.log"
    words = f"--http-socket 127.0.0.1:0 --need-app --master --processes {WORKERS} --threads 2"
    with log.open("w") as target:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "uwsgi", *words.split(), "--wsgi-file", str(folder / "app.py")],
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)}, stdout=target, stderr=target,
        )  # fmt: skip
    try:
        ready = f"spawned uWSGI worker {WORKERS} "
        until(lambda: ready in log.read_text() or process.poll() is not None, within=60)
        assert process.poll() is None, log.read_text()
        found = re.search(r"bound to TCP address 127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None, log.read_text()
        yield int(found[1])
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.send_signal(signal.SIGINT)  # SIGTERM would be a reload
        process.wait(30)


def ask(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        return json.loads(body)
    finally:
        connection.close()


def test_no_answer_is_another_requests(way: Secure, tmp_path: Path) -> None:
    server = way.server(after=take_ones_time)
    paths = [f"/call/{number}" for number in range(REQUESTS)]
    with (
        uwsgi(tmp_path, API=server.url, OPTIONS=way.options_json) as port,
        ThreadPoolExecutor(16) as browsers,
    ):
        answers = list(browsers.map(lambda path: ask(port, path), paths))
    crossed = [path for path, answer in zip(paths, answers, strict=True) if answer["path"] != path]
    assert crossed == []
    assert len({answer["pid"] for answer in answers}) > 1
    # The connections of the process that loaded the app are used by no worker.
    of_master = {arrival.connection for arrival in server.journal if arrival.path.startswith("/master/")}
    assert of_master.isdisjoint(answer["connection"] for answer in answers)
    # No connection is shared by two workers.
    owners = {(answer["connection"], answer["pid"]) for answer in answers}
    assert len(owners) == len({connection for connection, _ in owners})
