"""What runs in the background: how many, seen by whom, stopped how."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from playground.background import Progress, begin
from playground.store import BusyError, Database, JobLog, Jobs, Limits

from ..support.waiting import until

MANY = Limits(mine=100, all=100, rate=100)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "database.sqlite3")


def test_a_job_tells_collects_and_ends(database: Database) -> None:
    def work(progress: Progress) -> None:
        for number in range(5):
            progress.tell(number, said=number)

    id = begin(database, "me", "smoke", {"with": "this"}, MANY, work)
    jobs = Jobs(database, "me")
    until(lambda: jobs.find(id).ended is not None, within=10)  # type: ignore[union-attr]
    job = jobs.find(id)
    assert job is not None
    assert (job.about, job.state, job.alive, job.lost) == ({"with": "this"}, {"said": 4}, False, False)
    assert jobs.items(id) == [0, 1, 2, 3, 4]


def test_what_a_job_raises_is_said_of_it(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def work(progress: Progress) -> None:
        raise RuntimeError("with details for the log alone")

    id = begin(database, "me", "smoke", {}, MANY, work)
    jobs = Jobs(database, "me")
    until(lambda: jobs.find(id).ended is not None, within=10)  # type: ignore[union-attr]
    state = jobs.find(id).state  # type: ignore[union-attr]
    assert state == {"failure": "It failed inside the playground (RuntimeError)."}
    assert "with details" in caplog.text


def test_a_job_is_stopped_from_outside(database: Database) -> None:
    stopped = threading.Event()

    def work(progress: Progress) -> None:
        while not progress.wait(0.01):
            pass
        stopped.set()

    id = begin(database, "me", "lab", {}, MANY, work)
    Jobs(database, "you").cancel(id)
    assert not stopped.is_set()
    Jobs(database, "me").cancel(id)
    assert stopped.wait(10)


def test_another_browser_sees_nothing_of_it(database: Database) -> None:
    id = Jobs(database, "me").begin("lab", {}, MANY)
    JobLog(database, id).write({}, ["secret"])
    other = Jobs(database, "you")
    assert other.find(id) is None
    assert other.items(id) == []
    assert other.latest("lab") == []


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(mine=1, all=9, rate=9), "under way in this browser"),
        (Limits(mine=9, all=1, rate=9), "for all browsers"),
        (Limits(mine=9, all=9, rate=1), "within ten seconds"),
    ],
)
def test_there_are_limits(database: Database, limits: Limits, says: str) -> None:
    jobs = Jobs(database, "me")
    jobs.begin("lab", {}, limits)
    with pytest.raises(BusyError, match=says):
        jobs.begin("lab", {}, limits)
    jobs.begin("smoke", {}, limits)


def test_limits_hold_when_many_begin_at_once(database: Database) -> None:
    limits = Limits(mine=3, all=9, rate=100)
    begun: list[str] = []

    def try_it() -> None:
        try:
            begun.append(Jobs(database, "me").begin("lab", {}, limits))
        except BusyError:
            return

    threads = [threading.Thread(target=try_it) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 3


def test_a_job_whose_process_is_gone_is_lost_and_counts_no_more(database: Database) -> None:
    script = (
        "import sys; from pathlib import Path; from playground.store import Database, Jobs, Limits\n"
        "print(Jobs(Database(Path(sys.argv[1])), 'me').begin('lab', {}, Limits(1, 1, 9)))"
    )
    root = Path(__file__).resolve().parents[2]
    id = subprocess.run(
        [sys.executable, "-c", script, str(database.path)],
        cwd=root, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip
    job = Jobs(database, "me").find(id)
    assert job is not None
    assert job.lost
    Jobs(database, "me").begin("lab", {}, Limits(mine=1, all=1, rate=9))


def test_old_jobs_are_forgotten_with_what_they_collected(database: Database) -> None:
    jobs = Jobs(database, "me")
    ids = []
    for _ in range(23):
        ids.append(jobs.begin("smoke", {}, MANY))
        JobLog(database, ids[-1]).write({}, ["item"], ended=True)
    assert jobs.find(ids[0]) is None
    assert jobs.items(ids[0]) == []
    assert jobs.items(ids[-1]) == ["item"]
