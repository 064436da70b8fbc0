"""Celery's prefork pool, whose processes are forked from one in which a client has been used; and Celery
beat, which runs the reaper of rentals as docs/rentals.md shows it.
"""

# /// script
# dependencies = ["celery"]
# ///

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import octaspace
from octaspace.sandbox import SandboxServer
from tests.support.fault_server import echo
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

from .conftest import Secure
from .environments import ROOT

#: The queue and the results are files, so no other server is needed.
TASKS = """
import json, os
import celery, octaspace

folder = os.environ["FOLDER"]
app = celery.Celery("tasks", broker="filesystem://", backend="file://" + os.path.join(folder, "results"))
app.conf.broker_transport_options = {
    "data_folder_in": os.path.join(folder, "queue"), "data_folder_out": os.path.join(folder, "queue"),
    "control_folder": os.path.join(folder, "control"), "polling_interval": 0.02,
}
app.conf.worker_prefetch_multiplier = 1
client = octaspace.Client("sk", base_url=os.environ["API"], keep_alive=True, pool_size=2,
                          **json.loads(os.environ["OPTIONS"]))
if os.environ.get("USED"):
    for number in range(2):
        client.send(octaspace.Request("GET", f"/parent/{number}"))

@app.task
def call(number):
    method = "POST" if number % 2 else "GET"
    return {"pid": os.getpid(), **client.send(octaspace.Request(method, f"/call/{number}")).data}
"""
SENDER = """
import json, sys, tasks
if len(sys.argv) == 1:
    print(json.dumps([tasks.call.delay(number).id for number in range(40)]))
else:
    print(json.dumps([tasks.app.AsyncResult(id).get(timeout=10) for id in sys.argv[1:]]))
"""


def work(folder: Path, environment: dict[str, str], *, tasks: int) -> None:
    """Run a worker until that many tasks are done."""
    log = folder / "worker.log"
    words = "-A tasks worker --pool prefork --concurrency 2 --loglevel INFO --without-gossip --without-mingle"
    with log.open("w") as target:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *words.split()],
            cwd=folder, env={**environment, "USED": "yes"}, stdout=target, stderr=target,
        )  # fmt: skip
    try:
        until(
            lambda: log.read_text().count(" succeeded in ") == tasks or process.poll() is not None, within=90
        )
        # Before the signal: a shutdown that interrupts Celery's own connection is logged with a traceback.
        assert "Traceback" not in log.read_text(), log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def send(folder: Path, environment: dict[str, str], *ids: str) -> Any:
    """Send the tasks and return their ids, or return the results of tasks."""
    result = subprocess.run(
        [sys.executable, "-c", SENDER, *ids],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_tasks_of_a_client_that_the_parent_has_used(way: Secure, tmp_path: Path) -> None:
    for name in ("queue", "control", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    server = way.server(after=echo)
    given = {"FOLDER": str(tmp_path), "API": server.url, "OPTIONS": way.options_json, "PYTHONPATH": str(ROOT)}
    environment = {**os.environ, **given}
    # One after the other: Celery's own queue of files is read while it is written.
    ids = send(tmp_path, environment)
    work(tmp_path, environment, tasks=len(ids))
    answers = send(tmp_path, environment, *ids)
    assert [answer["path"] for answer in answers] == [f"/call/{number}" for number in range(40)]
    assert len({answer["pid"] for answer in answers}) == 2
    # The connections of the parent are used by no task, and none is shared by two processes.
    of_parent = {arrival.connection for arrival in server.journal if arrival.path.startswith("/parent/")}
    assert len(of_parent) == 1
    assert of_parent.isdisjoint(answer["connection"] for answer in answers)
    owners = {(answer["connection"], answer["pid"]) for answer in answers}
    assert len(owners) == len({connection for connection, _ in owners})


def recipe(language: str, beginning: str) -> str:
    """A block of docs/rentals.md."""
    page = (ROOT / "docs" / "rentals.md").read_text()
    (found,) = re.findall(rf"^```{language}\n({beginning}.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(found)


def test_celery_beat_runs_the_reaper(sandbox: SandboxServer, tmp_path: Path) -> None:
    program = recipe("py", "# reaper.py")
    assert '"schedule": 60.0' in program
    # A test does not wait for a minute.
    (tmp_path / "reaper.py").write_text(program.replace('"schedule": 60.0', '"schedule": 0.2'))
    commands = recipe("sh", "celery").splitlines()
    assert [command.split()[:4] for command in commands] == [
        ["celery", "-A", "reaper", "worker"], ["celery", "-A", "reaper", "beat"],
    ]  # fmt: skip
    server = RedisServer(tmp_path)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BROKER_URL": server.url,
        "OCTA_API_KEY": "celery-key-0123456789",
        "OCTA_BASE_URL": sandbox.url,
        "OCTA_RENTAL_LEDGER": server.url,
    }
    processes = []
    try:
        with (
            octaspace.Client(
                "celery-key-0123456789", base_url=sandbox.url, rental_ledger=server.url
            ) as client,
            (tmp_path / "celery.log").open("w") as log,
        ):
            rental: dict[str, Any] = {"node_id": 9101, "disk_size": 10, "image": "ubuntu:24.04"}
            over = client.services.mr.create(**rental, name="over", max_duration=1e-6).data[0]["uuid"]
            lives = client.services.mr.create(**rental, name="lives", max_duration=3600).data[0]["uuid"]
            for command in commands:
                words = [sys.executable, "-m", *shlex.split(command)]
                processes.append(
                    subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=log, stderr=log)
                )

            def running() -> set[str]:
                return {session.uuid for session in sandbox.world.active()}

            until(
                lambda: over not in running() or any(one.poll() is not None for one in processes), within=90
            )
            assert over not in running(), (tmp_path / "celery.log").read_text()
            assert lives in running()
            ledger = client.rental_ledger
            assert ledger is not None
            until(lambda: [one.name for one in ledger.backend.open_rentals()] == ["lives"])
            # Before the signals: beat logs a traceback when its own connection is interrupted by one.
            assert "Traceback" not in (tmp_path / "celery.log").read_text(), (
                tmp_path / "celery.log"
            ).read_text()
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(30)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        server.stop()
