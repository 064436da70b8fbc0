"""Which jobs count as running: by their process where it can be seen, and by the lease that it renews."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from playground.store import Database, Job, JobLimits, JobStore, JobWriter, TooManyJobsError, open_database
from playground.store.process_identity import ProcessIdentity
from playground.store.redis import RedisDatabase

from ...support.redis_server import RedisServer
from .fakes import ended_process, process_elsewhere

ONE = JobLimits(per_browser=1, total=1, rate=99)


def age_heartbeat(database: Database, id: str, seconds: float) -> None:
    """Let the last heartbeat of a job be older: no test waits for a lease."""
    if isinstance(database, RedisDatabase):
        database.client.hincrbyfloat(f"playground:job:{id}", "heartbeat", -seconds)
    else:
        with database.writing() as connection:  # type: ignore[attr-defined]
            connection.execute("UPDATE jobs SET heartbeat = heartbeat - ? WHERE id = ?", (seconds, id))


def found(jobs: JobStore, id: str) -> Job:
    job = jobs.find(id)
    assert job is not None
    return job


def test_a_job_on_another_host_is_lost_one_lease_after_its_last_heartbeat(database: Database) -> None:
    mine, elsewhere = JobStore(database, "a"), JobStore(database, "a", process_elsewhere())
    id = elsewhere.begin("lab", {}, ONE)
    age_heartbeat(database, id, 14)
    assert found(mine, id).alive
    with pytest.raises(TooManyJobsError):
        mine.begin("lab", {}, ONE)
    JobWriter(database, id).write({})
    age_heartbeat(database, id, 14)
    assert found(mine, id).alive, "a heartbeat renews the lease"
    age_heartbeat(database, id, 1)
    assert (found(mine, id).alive, found(mine, id).lost) == (False, True)
    mine.begin("lab", {}, ONE)


def test_a_job_whose_process_has_ended_is_lost_at_once(database: Database) -> None:
    mine = JobStore(database, "a")
    id = JobStore(database, "a", ended_process()).begin("lab", {}, ONE)
    assert found(mine, id).lost
    mine.begin("lab", {}, ONE)


def test_a_process_with_the_id_of_one_that_ended_is_another_one(database: Database) -> None:
    earlier = replace(ProcessIdentity.current(), start="1")
    id = JobStore(database, "a", earlier).begin("lab", {}, ONE)
    assert found(JobStore(database, "a"), id).lost


def test_a_visible_process_without_heartbeats_has_lost_its_thread(database: Database) -> None:
    mine = JobStore(database, "a")
    id = mine.begin("lab", {}, ONE)
    age_heartbeat(database, id, 16)
    assert found(mine, id).lost


def test_a_cancelled_job_without_a_sign_of_life_makes_room_at_once(database: Database) -> None:
    slept: list[float] = []
    mine = JobStore(database, "a", sleep=slept.append)
    id = JobStore(database, "a", process_elsewhere()).begin("lab", {}, ONE)
    JobStore(database, "b", sleep=slept.append).cancel(id)
    assert found(mine, id).alive, "another browser cannot cancel it"
    mine.cancel(id)
    assert 0 < sum(slept) <= 2
    assert (found(mine, id).lost, found(mine, id).cancelled) == (True, True)
    mine.begin("lab", {}, ONE)
    # Its process was only suspended: it is seen again, and learns that it was cancelled.
    assert JobWriter(database, id).write({"phase": "sending"}) is True
    assert found(mine, id).alive
    JobWriter(database, id).write({"phase": "over"}, ended=True)
    assert (found(mine, id).lost, found(mine, id).state) == (False, {"phase": "over"})


@pytest.mark.parametrize("ended", [False, True])
def test_a_cancelled_job_that_shows_life_keeps_its_place_until_it_ends(
    database: Database, ended: bool
) -> None:
    id = JobStore(database, "a", process_elsewhere()).begin("lab", {}, ONE)
    log = JobWriter(database, id)
    mine = JobStore(database, "a", sleep=lambda seconds: log.write({}, ended=ended))
    mine.cancel(id)
    assert (found(mine, id).alive, found(mine, id).lost) == (not ended, False)


def test_cancelling_a_job_of_this_host_waits_for_nothing(database: Database) -> None:
    def never(seconds: float) -> None:
        raise AssertionError

    mine = JobStore(database, "a", sleep=never)
    mine.cancel("unknown")
    id = mine.begin("lab", {}, ONE)
    mine.cancel(id)
    assert found(mine, id).alive, "its thread still tidies up"
    JobWriter(database, id).write({}, ended=True)
    mine.cancel(id)
    mine.cancel(JobStore(database, "a", ended_process()).begin("lab", {}, ONE))


@pytest.mark.parametrize("ahead", [-7200.0, 7200.0])
def test_machines_whose_clocks_differ_agree(tmp_path: Path, redis_server: RedisServer, ahead: float) -> None:
    redis_server.start()

    def clock(offset: float) -> Callable[[], float]:
        return lambda: time.time() + offset

    here = open_database(tmp_path, redis_server.url, clock=clock(0))
    there = open_database(tmp_path, redis_server.url, clock=clock(ahead))
    here.client.flushall()  # type: ignore[attr-defined]
    mine = JobStore(here, "a")
    id = JobStore(there, "a", process_elsewhere()).begin("lab", {}, ONE)
    JobWriter(there, id).write({})
    assert found(mine, id).alive
    assert 0 <= found(mine, id).seconds < 60
    age_heartbeat(here, id, 16)
    assert found(JobStore(there, "a"), id).lost
    JobWriter(there, id).write({}, ["item"], ended=True)
    assert (mine.items(id), found(mine, id).lost) == (["item"], False)
    here.close()
    there.close()
