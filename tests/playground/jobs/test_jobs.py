"""What runs in the background: how many, seen by whom, stopped how."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.jobs.background import begin
from playground.jobs.progress import Progress
from playground.store import Database, JobLimits, JobStore, open_database

from ...support.waiting import until

MANY = JobLimits(per_browser=100, total=100, rate=100)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


def test_a_job_tells_collects_and_ends(database: Database) -> None:
    def work(progress: Progress) -> None:
        for number in range(5):
            progress.tell(number, said=number)

    id = begin(database, "me", "smoke", {"with": "this"}, MANY, work)
    jobs = JobStore(database, "me")
    until(lambda: jobs.find(id).ended is not None, within=10)  # type: ignore[union-attr]
    job = jobs.find(id)
    assert job is not None
    assert (job.about, job.state, job.alive, job.lost) == ({"with": "this"}, {"said": 4}, False, False)
    assert jobs.items(id) == [0, 1, 2, 3, 4]


def test_what_a_job_raises_is_said_of_it(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def work(progress: Progress) -> None:
        raise RuntimeError("an argument of a request")

    id = begin(database, "me", "smoke", {}, MANY, work)
    jobs = JobStore(database, "me")
    until(lambda: jobs.find(id).ended is not None, within=10)  # type: ignore[union-attr]
    state = jobs.find(id).state  # type: ignore[union-attr]
    assert state == {"failure": "Internal error of the playground (RuntimeError)."}
    assert f"The job {id} (smoke) failed" in caplog.messages


def test_a_job_is_stopped_from_outside(database: Database) -> None:
    stopped = threading.Event()

    def work(progress: Progress) -> None:
        while not progress.wait(0.01):
            pass
        stopped.set()

    id = begin(database, "me", "lab", {}, MANY, work)
    JobStore(database, "you").cancel(id)
    assert not stopped.is_set()
    JobStore(database, "me").cancel(id)
    assert stopped.wait(10)


def test_a_job_whose_process_is_gone_is_lost_and_counts_no_more(database: Database, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from playground.store import JobStore, JobLimits, open_database\n"
        "print(JobStore(open_database(Path(sys.argv[1])), 'me').begin('lab', {}, JobLimits(1, 1, 9)))"
    )
    root = Path(__file__).resolve().parents[3]
    id = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip
    job = JobStore(database, "me").find(id)
    assert job is not None
    assert job.lost
    JobStore(database, "me").begin("lab", {}, JobLimits(per_browser=1, total=1, rate=9))
