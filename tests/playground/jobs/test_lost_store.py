"""A store that fails during a job: the job tidies up without it, and its end is written when it is back."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer
from octaspace.secret_values import MaskedUrl
from playground.jobs import progress as progress_module
from playground.jobs.background import begin
from playground.jobs.progress import Progress
from playground.settings import ProcessSettings
from playground.store import Database, JobLimits, JobStore, JobWriter, StoreError, open_database

from ...support.redis_server import RedisServer
from ...support.waiting import until
from ..browsing import Visitor
from ..conftest import MakeApp
from ..pages.lab.test_lab import LAB, PLAN
from ..pages.smoke.test_smoke import SMOKE
from .test_ending_jobs import job_threads

MANY = JobLimits(per_browser=100, total=100, rate=100)


class Outage:
    """The job table of a store that can be lost."""

    def __init__(self, table: Any) -> None:
        self._table, self.lost = table, False
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def write(self, *args: Any, **options: Any) -> Any:
        if self.lost:
            self.refused += 1
            raise StoreError("the disk is gone")
        return self._table.write(*args, **options)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def outage(database: Database, monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage = Outage(database.jobs)
    monkeypatch.setattr(database, "jobs", outage)
    return outage


def rented_by_lab(sandbox: SandboxServer) -> int:
    """How many sessions of the sandbox a run of the lab has made, stopped ones included."""
    return sum(entry.path == "/services/mr" and entry.carried_out for entry in sandbox.journal.entries()
               if entry.method == "POST")  # fmt: skip


def lose_store(server: RedisServer, sandbox: SandboxServer, fire: Any) -> None:
    """Start something that rents, and end Redis when there are the first rentals."""
    try:
        fire()
        until(lambda: rented_by_lab(sandbox) >= 1, within=30)
    finally:
        server.kill()


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.start()
    yield redis_server
    redis_server.start()


@pytest.fixture
def app(process: ProcessSettings, make_app: MakeApp, server: RedisServer) -> Flask:
    # With the ledger in it, as a team has it.
    return make_app(replace(process, redis_url=server.url, ledger_url=MaskedUrl(server.url)))


@pytest.mark.parametrize("tool", ["lab", "smoke"])
def test_what_was_rented_is_stopped_without_the_store(
    visitor: Visitor, sandbox: SandboxServer, server: RedisServer, tool: str
) -> None:
    sandbox.reset(ready_after=0)  # the suite waits for its machine
    before = {rental.uuid for rental in sandbox.world.active()}

    def fire() -> None:
        if tool == "lab":
            visitor.post(f"{LAB}/fire", **{**PLAN, "kind": "creates", "count": "20", "threads": "4"})
        else:
            visitor.post(SMOKE, changes="yes")

    lose_store(server, sandbox, fire)
    # The progress of the job is still to be written; its other threads have ended.
    until(lambda: not [name for name in job_threads() if not name.endswith("-progress")], within=90)
    assert {rental.uuid for rental in sandbox.world.active()} == before
    assert [name for name in job_threads() if name.endswith("-progress")], "the end is not written yet"
    server.start()
    until(lambda: not job_threads(), within=60)
    sandbox.reset(ready_after=4)


def test_an_unexpected_error_in_the_lab_leaves_nothing_rented(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {rental.uuid for rental in sandbox.world.active()}
    tell = Progress.tell

    def fail_once(progress: Progress, *items: Any, **state: Any) -> None:
        if "stats" in state and rented_by_lab(sandbox) >= 3:
            raise RuntimeError("a mistake")
        tell(progress, *items, **state)

    monkeypatch.setattr(Progress, "tell", fail_once)
    visitor.post(f"{LAB}/fire", **{**PLAN, "kind": "creates", "count": "20", "threads": "4"})
    until(lambda: not job_threads(), within=60)
    assert rented_by_lab(sandbox) >= 3
    assert {rental.uuid for rental in sandbox.world.active()} == before


def test_a_list_of_sessions_that_fails_keeps_no_known_session(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    before = {rental.uuid for rental in sandbox.world.active()}
    sandbox.faults.add("status", status=500, path="/sessions")
    visitor.post(f"{LAB}/fire", **{**PLAN, "kind": "creates", "count": "5", "threads": "2"})
    until(lambda: not job_threads(), within=90)
    assert rented_by_lab(sandbox) == 5
    assert {rental.uuid for rental in sandbox.world.active()} == before


def test_the_end_of_a_job_is_written_when_the_store_is_back(
    database: Database, outage: Outage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "_MAX_PAUSE", 0.01)

    def work(progress: Progress) -> None:
        progress.tell("before")
        progress.flush()
        outage.lost = True
        progress.tell("during", said="last")
        progress.flush()

    id = begin(database, "me", "lab", {}, MANY, work)
    jobs = JobStore(database, "me")
    until(lambda: outage.refused > 5)
    assert jobs.find(id).ended is None  # type: ignore[union-attr]
    outage.lost = False
    until(lambda: not job_threads())
    job = jobs.find(id)
    assert job is not None
    assert (job.ended is not None, job.state, jobs.items(id)) == (
        True,
        {"said": "last"},
        ["before", "during"],
    )
    said = [text for text in caplog.messages if id in text]
    assert said == [
        f"The progress of the job {id} could not be stored: the disk is gone",
        f"The progress of the job {id} is stored again",
    ]


def test_attempts_to_write_become_rare(database: Database, outage: Outage) -> None:
    outage.lost = True
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        outage.lost = len(pauses) < 9

    progress = Progress(JobWriter(database, JobStore(database, "me").begin("lab", {}, MANY)), sleep)
    progress.end()
    progress.write_until_ended()
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (pytest.approx(0.3), 5.0)


def test_what_cannot_be_written_ends_no_job(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def work(progress: Progress) -> None:
        progress.tell({"not": object()}, said="this")
        progress.flush()
        progress.defer(lambda: 1 / 0)
        progress.tell("good")
        ended.set()

    id = begin(database, "me", "lab", {}, MANY, work)
    until(lambda: not job_threads())
    assert ended.is_set()
    jobs = JobStore(database, "me")
    job = jobs.find(id)
    assert job is not None
    assert job.state == {"failure": "Internal error of the playground (TypeError)."}
    assert (job.ended is not None, jobs.items(id)) == (True, ["good"])
    assert f"A record of the job {id} could not be written" in caplog.messages


def test_other_records_wait_for_the_store_as_well(database: Database, outage: Outage) -> None:
    written: list[str] = []

    def record() -> None:
        if outage.lost:
            raise StoreError("the disk is gone")
        written.append("a call")

    outage.lost = True
    progress = Progress(
        JobWriter(database, JobStore(database, "me").begin("lab", {}, MANY)),
        lambda seconds: setattr(outage, "lost", False),
    )
    progress.defer(record)
    progress.end()
    progress.write_until_ended()
    assert written == ["a call"]


def test_a_process_that_ends_says_which_jobs_it_could_not_finish(tmp_path: Path) -> None:
    script = (
        "import sys, threading; from pathlib import Path\n"
        "from playground.jobs.background import begin\n"
        "from playground.store import JobLimits, StoreError, open_database\n"
        "database = open_database(Path(sys.argv[1]))\n"
        "failed = threading.Event()\n"
        "def fail(*args, **options): failed.set(); raise StoreError('the disk is gone')\n"
        "def work(progress): database.jobs.write = fail; progress.flush()\n"
        "print(begin(database, 'me', 'lab', {}, JobLimits(9, 9, 9), work))\n"
        "failed.wait(30)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    says = f"The end of the job {done.stdout.strip()} could not be stored before this process ended"
    assert says in done.stderr
