"""The rules of the store, on SQLite and on Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from playground.store import (
    CALL_SOURCES,
    FOREGROUND,
    BrowserState,
    Database,
    JobLimits,
    JobStore,
    JobWriter,
    LoginAttempts,
    OneTimeTokens,
    ReaperRounds,
    RequestLog,
    TooManyJobsError,
    WorkerSnapshots,
    open_database,
    saved_values,
)
from playground.store.backend import LogLimits
from playground.store.browser_state import IDLE_SECONDS
from playground.store.login_attempts import PER_ADDRESS

from .databases import Another, databases
from .fakes import NO_PID, FakeClock, ended_process, process_elsewhere


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "redis"])
def another(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Another]:
    with databases(request, tmp_path, clock=clock) as another:
        yield another


@pytest.fixture
def database(another: Another) -> Database:
    return another()


def row(**changes: Any) -> dict[str, Any]:
    return {
        "at": time.time(), "target": "Sandbox", "source": "page", "page": "nodes.index",
        "line": "client.nodes.list()", "method": "GET", "path": "/nodes", "status": 200, "error": None,
        "elapsed": 0.01, "attempts": 1, "retries": 0, "failovers": 0,
        "endpoint": "http://127.0.0.1:1", "address": "http://127.0.0.1:1",
        "request_id": "req-1", "in_use": 1, "cache": None,
        "detail": {"params": {}, "answer": [2**70]},
        **changes,
    }  # fmt: skip


def test_it_opens_and_says_so(database: Database) -> None:
    database.check()


def test_keys_of_a_browser_do_not_overwrite_each_other(database: Database, another: Another) -> None:
    here, there = BrowserState(database, "a"), BrowserState(another(), "a")
    here.save("options", {"max_retries": 5})
    there.save("look", {"theme": "dark"})
    here.save("options", {"max_retries": 6})
    assert there.load() == {"options": {"max_retries": 6}, "look": {"theme": "dark"}}
    assert BrowserState(database, "b").load() == {}
    there.forget()
    assert here.load() is None
    assert BrowserState(database, "b").load() == {}


def test_one_key_is_dropped(database: Database) -> None:
    state = BrowserState(database, "a")
    state.save("key", {"key": "secret"})
    state.save("look", {"theme": "dark"})
    state.drop("key")
    state.drop("never saved")
    assert state.load() == {"look": {"theme": "dark"}}


def test_values_of_all_browsers_are_found_by_the_beginning_of_their_keys(
    database: Database, another: Another, clock: FakeClock
) -> None:
    BrowserState(database, "gone").save("key:old", {"key": 0})
    clock.advance(IDLE_SECONDS - 60)
    for browser in ("a", "b", "left"):
        BrowserState(database, browser).save("key:x%_", {"key": browser})
        BrowserState(database, browser).save("look", {"theme": "dark"})
    BrowserState(database, "b").save("key:y", {"key": 2**70})
    BrowserState(database, "left").forget()
    clock.advance(61)
    database.browsers.drop("gone", "key:old")  # Redis goes by its own clock
    assert saved_values(another(), "key:") == [
        ("a", "key:x%_", {"key": "a"}), ("b", "key:x%_", {"key": "b"}), ("b", "key:y", {"key": 2**70}),
    ]  # fmt: skip
    assert saved_values(database, "key:y") == [("b", "key:y", {"key": 2**70})]
    assert saved_values(database, "ke%") == []


def test_expired_values_are_not_found(tmp_path: Path, clock: FakeClock) -> None:
    database = open_database(tmp_path, clock=clock)
    BrowserState(database, "a").save("key:x", {"key": 1})
    clock.advance(IDLE_SECONDS + 1)
    assert saved_values(database, "key:") == []
    database.close()


def test_rounds_of_reapers_are_known_to_all_and_for_an_hour(
    database: Database, another: Another, clock: FakeClock
) -> None:
    first, second = ReaperRounds(database), ReaperRounds(another())
    assert second.last("an-account", "live") is None
    first.note([("an-account", "live"), ("an-account", "sandbox")])
    at = clock.now
    clock.advance(100)
    second.note([("another", "live")])
    assert first.last("an-account", "live") == second.last("an-account", "sandbox") == at
    assert first.last("another", "live") == clock.now
    clock.advance(3600)
    first.note([])
    assert second.last("an-account", "live") is None


def test_forgetting_leaves_nothing_and_nothing_comes_back(database: Database, another: Another) -> None:
    limits = JobLimits(9, 9, 9)
    writers: list[JobWriter] = []
    for browser in ("a", "b"):
        BrowserState(database, browser).save("key", {"key": "secret"})
        RequestLog(database, browser).append([row(path=f"/of/{browser}")])
        tokens = OneTimeTokens(database, browser)
        tokens.claim("token")
        tokens.finish("token", {"text": "sent"})
        tokens.claim("under way")
        for kind in ("lab", "runner"):
            log = JobWriter(database, JobStore(database, browser).begin(kind, {}, limits))
            log.write({"said": browser}, ["item"])
            writers.append(log)
    BrowserState(another(), "a").forget()

    # What requests and jobs under way in other workers still have to say.
    there = another()
    BrowserState(there, "a").save("key", {"key": "secret"})
    assert RequestLog(there, "a").append([row(), row()]) == [0, 0]
    OneTimeTokens(there, "a").finish("under way", {"text": "sent after all"})
    assert [log.write({}, ["more"]) for log in writers] == [True, True, False, False], (
        "those of a are to stop"
    )
    begun = JobStore(there, "a").begin("smoke", {}, limits)
    assert JobWriter(there, begun).write({}, ["item"]) is True

    assert BrowserState(database, "a").load() is None
    assert RequestLog(database, "a").latest(10) == ([], 0)
    for token in ("token", "under way"):
        assert (
            OneTimeTokens(database, "a").result(token),
            OneTimeTokens(database, "a").find(token) is not None,
        ) == (None, False)
    for kind in ("lab", "runner", "smoke"):
        assert JobStore(database, "a").latest(kind, 9) == []
    assert [JobStore(database, "a").items(log.id) for log in writers[:2]] == [[], []]
    assert JobStore(database, "a").find(begun) is None

    assert BrowserState(database, "b").load() == {"key": {"key": "secret"}}
    assert [each.path for each in RequestLog(database, "b").latest(10)[0]] == ["/of/b"]
    assert OneTimeTokens(database, "b").result("token") == {"text": "sent"}
    assert JobStore(database, "b").items(writers[2].id) == ["item", "more"]


def test_a_forgotten_job_takes_no_place(database: Database) -> None:
    JobStore(database, "a").begin("lab", {}, JobLimits(1, 1, 9))
    BrowserState(database, "a").forget()
    assert JobStore(database, "b").begin("lab", {}, JobLimits(1, 1, 9))


def test_how_many_forgotten_browsers_are_known_is_bounded(database: Database, clock: FakeClock) -> None:
    for browser in "abcde":
        database.browsers.forget(browser, clock.now, keep=60.0, max_forgotten=3)
        clock.advance(0.001)
    assert [BrowserState(database, browser).load() for browser in "abcde"] == [{}, {}, None, None, None]


def test_the_log_is_numbered_filtered_and_paged(database: Database, another: Another) -> None:
    log = RequestLog(database, "a")
    first = log.append([row(), row(path="/Apps", line="client.apps.list()", elapsed=2.0)])
    then = RequestLog(another(), "a").append(
        [row(method="POST", status=503, error="ServerError", attempts=3, request_id=None)]
    )
    RequestLog(database, "b").append([row(path="/other")])
    numbers = [*first, *then]
    assert numbers == sorted(set(numbers))

    def found(**query: Any) -> list[int]:
        rows, total = log.latest(10, **query)
        assert total == len(rows)
        return [each.id for each in rows]

    assert found() == numbers[::-1]
    assert found(text="aPPs") == [numbers[1]]
    assert found(text="REQ-1") == numbers[1::-1]
    assert found(text="%") == []
    assert found(method="POST") == found(status="503") == found(status="error") == then
    assert found(status="retried") == then
    assert found(status="ok") == numbers[1::-1]
    assert found(status="²") == numbers[::-1], "an invalid status does not filter"
    assert found(slower_than=1.0) == [numbers[1]]
    assert found(page="nodes.index", target="Sandbox", path="/nodes") == [numbers[2], numbers[0]]
    assert found(endpoint="http://127.0.0.1:1") == numbers[::-1]
    assert found(endpoint="http://127.0.0.1") == []
    assert found(since=time.time() + 60) == []
    assert found(target="Live") == []
    page, total = log.latest(1, offset=1)
    assert ([each.id for each in page], total) == ([numbers[1]], 3)
    page, total = log.latest(1, offset=1, status="ok")
    assert ([each.id for each in page], total) == ([numbers[0]], 2)
    assert log.latest(5, offset=7) == ([], 3)


def test_the_log_is_filtered_by_source_and_by_the_endpoint_of_an_answer_from_the_cache(
    database: Database, clock: FakeClock
) -> None:
    log, here, there = RequestLog(database, "a"), "http://127.0.0.1:1", "http://127.0.0.1:2"
    page, refresh, cached, nowhere = log.append([
        row(),
        row(source="refresh", endpoint=there, address=there),
        row(source="runner", endpoint="", address=there, cache="hit", attempts=0),
        row(source="lab", endpoint="", address="", status=None, error="ConfigurationError"),
    ])  # fmt: skip
    RequestLog(database, "b").append([row(address="http://127.0.0.1:3")])

    def found(**query: Any) -> list[int]:
        return [each.id for each in log.latest(10, **query)[0]]

    assert found(sources=FOREGROUND) == [nowhere, cached, page]
    assert found(sources=["refresh", "runner"]) == [cached, refresh]
    assert found(sources=CALL_SOURCES) == found() == [nowhere, cached, refresh, page]
    assert found(address=there) == [cached, refresh]
    assert found(endpoint=there) == [refresh]
    assert found(status="cached", sources=FOREGROUND) == [cached]
    assert log.latest(0, sources=["refresh"]) == ([], 1)
    assert log.latest(0) == ([], 4)
    assert log.addresses() == [here, there]
    assert [each.source for each in log.latest(2, address=here)[0]] == ["page"]
    clock.advance(13 * 3600)
    assert log.addresses() == []


def test_details_are_read_only_when_they_are_wanted(database: Database) -> None:
    log = RequestLog(database, "a")
    (number,) = log.append([row()])
    assert log.latest(1)[0][0].detail == {}
    assert log.latest(1, whole=True)[0][0].detail == {"params": {}, "answer": [2**70]}
    assert log.latest(1, whole=True, method="GET")[0][0].detail["answer"] == [2**70]
    found = log.find(number)
    assert found is not None
    assert found.detail["answer"] == [2**70]
    assert found.ok
    assert RequestLog(database, "b").find(number) is None
    assert log.find(number + 1) is None


def test_the_last_answer_is_that_of_the_same_question(database: Database) -> None:
    log = RequestLog(database, "a")
    log.append([row(detail={"params": {"a": "1"}, "answer": "old"})])
    log.append([row(detail={"params": {"a": "1"}, "answer": "new"})])
    log.append([row(detail={"params": {}, "answer": "other"})])
    log.append([row(detail={"params": {"a": "1"}, "answer": None}, error="ServerError")])
    assert log.last_answer("/nodes", {"a": "1"}, "Sandbox") == "new"
    assert log.last_answer("/nodes", {"a": "1"}, "Live") is None
    assert RequestLog(database, "b").last_answer("/nodes", {"a": "1"}, "Sandbox") is None


def test_a_cleared_log_is_empty_and_numbers_do_not_come_back(database: Database) -> None:
    log, other = RequestLog(database, "a"), RequestLog(database, "b")
    (number,) = log.append([row()])
    (others,) = other.append([row()])
    log.clear()
    assert log.latest(10) == ([], 0)
    assert log.find(number) is None
    assert log.append([row()])[0] > others
    assert other.latest(10)[1] == 1


def test_a_log_has_bounds(database: Database) -> None:
    log = RequestLog(database, "a", LogLimits(rows=3, bytes=10_000))
    other = RequestLog(database, "b")
    other.append([row()])
    for at in range(5):
        log.append([row(elapsed=float(at))])
    assert [each.elapsed for each in log.latest(10)[0]] == [4.0, 3.0, 2.0]
    log.append([row(detail={"answer": "x" * 4_000}) for _ in range(3)])
    assert log.latest(10)[1] == 2
    assert len(log.latest(10, whole=True)[0]) == 2
    log.append([row() for _ in range(3)])
    assert log.latest(10)[1] == 3
    assert other.latest(10)[1] == 1


def test_rows_of_a_log_grow_too_old(database: Database, clock: FakeClock) -> None:
    log = RequestLog(database, "a", LogLimits(seconds=60))
    log.append([row()])
    assert log.latest(10)[1] == 1
    clock.advance(61)
    assert log.latest(10)[0] == []
    assert log.latest(10, method="GET") == ([], 0)
    log.append([row()])
    assert log.latest(10)[1] == 1


def test_many_writers_lose_nothing(another: Another) -> None:
    databases = [another() for _ in range(4)]

    def write(number: int) -> list[int]:
        return RequestLog(databases[number % 4], "a").append([row(), row()])

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for some in pool.map(write, range(40)) for number in some]
    assert len(set(numbers)) == 80
    assert RequestLog(databases[0], "a").latest(1)[1] == 80


def test_a_token_is_claimed_by_one_of_many(another: Another) -> None:
    databases = [another() for _ in range(4)]
    start = threading.Barrier(8)

    def claim(number: int) -> bool:
        start.wait()
        return OneTimeTokens(databases[number % 4], "a").claim("one")

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert OneTimeTokens(databases[0], "b").claim("one"), "another browser has its own tokens"


def test_what_came_of_a_token_is_kept(database: Database, another: Another) -> None:
    here, there = OneTimeTokens(database, "a"), OneTimeTokens(another(), "a")
    assert here.find("one") is None
    assert here.claim("one")
    assert there.find("one") is not None
    assert there.result("one") is None
    here.finish("one", {"ok": True})
    assert there.result("one") == {"ok": True}
    here.finish("never claimed", {"ok": True})
    assert there.result("never claimed") is None
    assert not there.claim("one")


def test_workers_leave_snapshots_and_the_dead_go(
    database: Database, another: Another, clock: FakeClock
) -> None:
    WorkerSnapshots(another(), "settings", ended_process()).publish({"requests": 1})
    mine = WorkerSnapshots(database, "settings")
    mine.publish({"requests": 2})
    mine.publish({"requests": 3})
    dead, alive = sorted(mine.all(), key=lambda snapshot: snapshot.alive)
    assert (dead.pid, dead.alive, dead.stats) == (NO_PID, False, {"requests": 1})
    assert (alive.alive, alive.stats) == (True, {"requests": 3})
    assert WorkerSnapshots(database, "other settings").all() == []
    clock.advance(31)
    assert [snapshot.alive for snapshot in mine.all()] == [True]
    clock.advance(-31)
    assert len(mine.all()) == 1, "it is removed, not hidden"


def test_a_worker_of_another_machine_is_alive_while_it_publishes(
    database: Database, clock: FakeClock
) -> None:
    elsewhere = WorkerSnapshots(database, "settings", process_elsewhere())
    here = WorkerSnapshots(database, "settings")
    elsewhere.publish({})
    clock.advance(119)
    (snapshot,) = here.all()
    assert (snapshot.alive, snapshot.age) == (True, pytest.approx(119.0))
    elsewhere.publish({})
    clock.advance(119)
    (snapshot,) = here.all()
    assert snapshot.alive
    clock.advance(2)
    assert here.all() == []


LIMITS = JobLimits(per_browser=2, total=3, rate=3)


def test_a_job_is_seen_and_cancelled_from_every_worker(database: Database, another: Another) -> None:
    mine, there = JobStore(database, "a"), JobStore(another(), "a")
    id = mine.begin("smoke", {"line": "client.nodes.list()"}, LIMITS)
    log = JobWriter(database, id)
    assert log.write({"done": 1}, ["first"]) is False
    assert log.write({"done": 2}, ["second", {"third": 3}]) is False
    job = there.find(id)
    assert job is not None
    assert (job.kind, job.alive, job.lost, job.ended) == ("smoke", True, False, None)
    assert (job.about, job.state) == ({"line": "client.nodes.list()"}, {"done": 2})
    assert there.items(id) == ["first", "second", {"third": 3}]
    there.cancel(id)
    assert log.write({"done": 2}) is True
    log.write({"done": 3}, ended=True)
    job = there.find(id)
    assert job is not None
    assert (job.cancelled, job.alive, job.lost) == (True, False, False)
    assert job.ended is not None


def test_a_job_is_its_browsers_alone(database: Database) -> None:
    mine, other = JobStore(database, "a"), JobStore(database, "b")
    id = mine.begin("smoke", {}, LIMITS)
    JobWriter(database, id).write({}, ["secret"])
    assert other.find(id) is None
    assert other.items(id) == []
    assert other.latest("smoke") == []
    other.cancel(id)
    assert JobWriter(database, id).write({}) is False
    assert [job.id for job in mine.latest("smoke", 5)] == [id]
    assert mine.latest("lab") == []


def test_jobs_have_limits(database: Database) -> None:
    mine, other = JobStore(database, "a"), JobStore(database, "b")
    first, _ = [mine.begin("lab", {}, LIMITS) for _ in range(2)]
    with pytest.raises(TooManyJobsError, match="in this browser"):
        mine.begin("lab", {}, LIMITS)
    assert mine.begin("smoke", {}, LIMITS), "each kind has its own"
    other.begin("lab", {}, LIMITS)
    with pytest.raises(TooManyJobsError, match="all browsers"):
        other.begin("lab", {}, LIMITS)
    JobWriter(database, first).write({}, ended=True)
    third = mine.begin("lab", {}, LIMITS)
    JobWriter(database, third).write({}, ended=True)
    with pytest.raises(TooManyJobsError, match="within ten seconds"):
        mine.begin("lab", {}, LIMITS)


def test_limits_hold_when_many_begin_at_once(another: Another) -> None:
    databases = [another() for _ in range(4)]
    start = threading.Barrier(8)

    def begin(number: int) -> bool:
        start.wait()
        try:
            JobStore(databases[number % 4], f"browser {number}").begin("lab", {}, LIMITS)
        except TooManyJobsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == LIMITS.total


def test_old_jobs_are_forgotten_and_stop(database: Database, clock: FakeClock) -> None:
    mine, many = JobStore(database, "a"), JobLimits(9, 9, 9, kept=2)
    ids = []
    for _ in range(4):
        clock.advance(0.001)
        ids.append(mine.begin("lab", {}, many))
        JobWriter(database, ids[-1]).write({}, ["item"], ended=True)
    assert [job.id for job in mine.latest("lab", 9)] == ids[:1:-1]
    assert mine.items(ids[0]) == []
    assert mine.find(ids[0]) is None
    assert JobWriter(database, ids[0]).write({}) is True, "no thread waits for it any more"
    assert mine.find(ids[0]) is None


def test_an_address_with_wrong_passwords_waits_in_a_line_of_its_own(
    database: Database, another: Another, clock: FakeClock
) -> None:
    guesser = LoginAttempts(database, "192.0.2.1")
    assert [guesser.claim() for _ in range(5)] == [(True, 0.0)] * 5
    in_line = [LoginAttempts(another(), "192.0.2.1").claim() for _ in range(9)]
    assert in_line == [(True, pytest.approx(0.5 * place, abs=0.001)) for place in range(9)]
    assert guesser.claim() == (False, pytest.approx(0.5, abs=0.001)), "the line is full"
    assert guesser.claim(max_wait=0.0) == (False, pytest.approx(4.5, abs=0.001))
    assert LoginAttempts(database, "192.0.2.2").claim() == (True, 0.0), "others do not notice"
    LoginAttempts(database, "192.0.2.2").succeeded()
    assert guesser.claim()[0] is False, "the success of another client does not help the guesser"
    clock.advance(0.6)
    assert guesser.claim() == (True, pytest.approx(3.9, abs=0.001))
    guesser.succeeded()
    assert guesser.claim() == (True, 0.0)
    clock.advance(601)
    assert [guesser.claim() for _ in range(5)] == [(True, 0.0)] * 5, "the count starts at zero again"


def test_wrong_answers_are_held_back_when_there_are_many(database: Database, clock: FakeClock) -> None:
    held_back = [LoginAttempts(database, f"192.0.2.{number}").failed() for number in range(80)]
    assert held_back[:51] == [0.0] * 51
    assert held_back[51:71] == pytest.approx([0.1 * place for place in range(1, 21)], abs=0.001)
    assert held_back[71:] == [2.0] * 9
    assert LoginAttempts(database, "192.0.2.1").claim() == (True, 0.0), "no try waits for it"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "*", False),
    ],
)
def test_who_is_counted_together(database: Database, one: str, other: str, together: bool) -> None:
    for _ in range(6):
        LoginAttempts(database, one).claim()
    assert (LoginAttempts(database, other).claim() != (True, 0.0)) == together


def test_addresses_that_are_remembered_are_bounded(database: Database, clock: FakeClock) -> None:
    limit = replace(PER_ADDRESS, max_addresses=20)
    first = LoginAttempts(database, "192.0.2.0", limit)
    for _ in range(6):
        first.claim()
    assert first.claim(max_wait=0.0)[0] is False
    for number in range(1, 20):
        clock.advance(0.001)
        LoginAttempts(database, f"192.0.2.{number}", limit).claim()
    assert first.claim(max_wait=0.0)[0] is False
    clock.advance(0.001)
    LoginAttempts(database, "192.0.2.20", limit).claim()
    assert first.claim(max_wait=0.0) == (True, 0.0), "the oldest made room"


def test_tries_that_come_at_once_do_not_pass_as_one(another: Another) -> None:
    databases = [another() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: LoginAttempts(databases[n % 4], "192.0.2.1").claim(0.0), range(24)))
    assert claims.count((True, 0.0)) == 6, "five that are free, and the first of the queue"
