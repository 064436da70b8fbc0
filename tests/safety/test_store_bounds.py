"""The store keeps its quotas on SQLite and on Redis; many browsers cannot evict records others rely on."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.settings import ProcessSettings, StartError
from playground.store import (
    BrowserState,
    Database,
    JobLimits,
    JobStore,
    JobWriter,
    OneTimeTokens,
    RequestLog,
    StoreFullError,
    StoreQuotas,
    WorkerSnapshots,
)
from playground.store.quotas import DEFAULT_BYTES, MIN_BYTES
from playground.store.redis import RedisDatabase
from playground.store.sqlite import SqliteDatabase
from tests.playground.browsing import ORIGIN, Visitor
from tests.playground.conftest import MakeApp, redis_server
from tests.playground.pages.rent.renting import MACHINE, order, rentals
from tests.playground.store.databases import Another, databases
from tests.playground.store.fakes import FakeClock
from tests.playground.store.test_store import row
from tests.support.redis_server import RedisServer
from tests.support.running_playground import ROOT

__all__ = ["redis_server"]

#: Quotas of a few dozen records.
STORE_BYTES = 2 * 1024 * 1024
QUOTAS = StoreQuotas.of(STORE_BYTES)

MANY = JobLimits(per_browser=1000, total=1000, rate=1000)


@pytest.fixture(params=["sqlite", "redis"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Another]:
    with databases(request, tmp_path, store_bytes=STORE_BYTES) as another:
        yield another


@pytest.fixture
def database(another: Another) -> Database:
    return another()


def counted(database: Database) -> dict[str, dict[str, int]]:
    """The store's counters: bytes by kind and browser; the total is under the empty name."""
    found: dict[str, dict[str, int]] = {}
    if isinstance(database, SqliteDatabase):
        with database.reading() as connection:
            for kind, browser, size in connection.execute("SELECT kind, browser, bytes FROM usage"):
                found.setdefault(kind, {})[browser] = size
    else:
        assert isinstance(database, RedisDatabase)
        for key in database.client.keys("playground:usage:*:bytes"):
            values = database.client.hgetall(key).items()
            found[key.split(":")[2]] = {"" if name == "*" else name: int(size) for name, size in values}
    return found


def until_refused(act: Callable[[int], object], first: int = 0) -> tuple[int, str]:
    """Repeat an action with increasing numbers until it is refused; return the number and the message."""
    for number in range(first, 10_000):
        try:
            act(number)
        except StoreFullError as full:
            return number, str(full)
    raise AssertionError("it was never refused")


def size_of_log(database: Database, browser: str) -> int:
    rows, _ = RequestLog(database, browser).latest(10_000, whole=True)
    return sum(len(json.dumps(row.detail)) for row in rows)


def test_quotas_add_up_to_at_most_the_total() -> None:
    quotas = StoreQuotas.of(DEFAULT_BYTES)
    shares = [getattr(quotas, name) for name in quotas.__dataclass_fields__]
    assert sum(share.total for share in shares) <= DEFAULT_BYTES
    assert all(0 < share.per_browser <= share.total for share in shares)
    assert (quotas.log.per_browser, quotas.log.total) == (16 * 2**20, 128 * 2**20)
    least = StoreQuotas.of(MIN_BYTES)
    assert least.settings.per_browser >= 64 * 1024
    assert 23 * least.job <= least.jobs.total, "all that may be under way fit"


def test_request_logs_keep_their_quota(another: Another) -> None:
    databases = [another() for _ in range(3)]

    def fill(visitor: int) -> None:
        log = RequestLog(databases[visitor % 3], f"visitor {visitor}")
        for number in range(30):
            log.append([row(path=f"/{number}", detail={"answer": "x" * 9_000}) for _ in range(2)])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(fill, range(24)))
    sizes = [size_of_log(databases[0], f"visitor {visitor}") for visitor in range(24)]
    assert all(size <= QUOTAS.log.per_browser for size in sizes)
    assert QUOTAS.log.total * 0.9 < sum(sizes) <= QUOTAS.log.total
    assert counted(databases[0])["log"][""] <= QUOTAS.log.total
    RequestLog(databases[1], "visitor 0").append([row(path="/last", detail={"answer": "x" * 9_000})])
    rows, _ = RequestLog(databases[0], "visitor 0").latest(1, whole=True)
    assert rows[0].path == "/last", "the latest is there"


def test_oldest_rows_are_evicted(database: Database) -> None:
    most = QUOTAS.log.total // 10_000
    for visitor in range(2 * most):
        RequestLog(database, f"visitor {visitor}").append([row(detail={"answer": "x" * 9_000})])
    left = [visitor for visitor in range(2 * most) if RequestLog(database, f"visitor {visitor}").latest(1)[1]]
    assert left == list(range(2 * most - len(left), 2 * most))
    assert len(left) > most // 2


def test_row_size_is_limited(database: Database) -> None:
    long = "é" * 400_000
    number = RequestLog(database, "a").append([
        row(
            path="/" + long, line=long, request_id=long,
            detail={"params": {}, "headers": {"X": long}, "attempts": [], "answer": long, "body": None},
        )
    ])[0]  # fmt: skip
    found = RequestLog(database, "a").find(number)
    assert found is not None, "it fits into the share of one browser"
    assert len(found.path) + len(found.line) + len(found.request_id or "") <= 3 * 16 * 1024
    assert found.detail["headers"] == {}
    assert len(json.dumps(found.detail)) < 1000


def test_job_results_are_evicted_and_running_jobs_stay(another: Another) -> None:
    here, there = another(), another()
    going = JobStore(here, "first").begin("lab", {}, MANY)
    JobWriter(here, going).write({"phase": "firing"}, ["x" * 10_000])
    for visitor in range(60):
        jobs = JobStore(there, f"visitor {visitor % 12}")
        id = jobs.begin("runner", {"line": "y" * 100_000}, MANY)
        JobWriter(there, id).write({"text": "z" * 2_000}, ["x" * 10_000], ended=True)
    assert JobStore(here, "first").items(going) == ["x" * 10_000]
    assert JobWriter(here, going).write({"phase": "over"}, ended=True) is False
    kept = [JobStore(here, f"visitor {visitor}").latest("runner", 20) for visitor in range(12)]
    assert all(
        len(JobStore(here, f"visitor {visitor}").items(found[0].id)) == 1
        for visitor, found in enumerate(kept)
        if found
    )
    assert 5 < sum(map(len, kept)) < 60
    assert JobStore(here, "visitor 11").latest("runner"), "the latest is there"
    usage = counted(here)["jobs"]
    assert usage[""] <= QUOTAS.jobs.total
    assert max(size for browser, size in usage.items() if browser) <= QUOTAS.jobs.per_browser


def test_job_size_is_limited(database: Database) -> None:
    id = JobStore(database, "a").begin("lab", {"line": "x" * 1_000_000}, MANY)
    log = JobWriter(database, id)
    for _ in range(50):
        log.write({"phase": "firing", "lines": ["x" * 1_000_000]}, ["y" * 1_000, "z" * 1_000_000])
    log.write({"phase": "over"}, ["the last"], ended=True)
    found, items = JobStore(database, "a").find(id), JobStore(database, "a").items(id)
    assert found is not None
    assert len(found.about["line"]) == 16 * 1024
    assert found.state == {"phase": "over"}
    assert {"y" * 1_000} <= set(items) <= {"y" * 1_000, "the last"}
    assert sum(map(len, items)) <= QUOTAS.job
    again = JobStore(database, "a").begin("lab", {}, MANY)
    JobWriter(database, again).write({"phase": "firing", "lines": ["x" * 1_000_000]})
    stored = JobStore(database, "a").find(again)
    assert stored is not None
    assert stored.state == {"phase": "firing", "left_out": ["lines"]}


def test_drafts_are_evicted_and_settings_stay(another: Another) -> None:
    here, there = another(), another()
    mine = BrowserState(here, "first")
    mine.save("key:sandbox:http://a", {"key": "a-key-that-was-typed"})
    mine.save("login", {"proof": "p"})
    mine.save("order:1", {"typed": "x"})
    for visitor in range(60):
        state = BrowserState(there, f"visitor {visitor}")
        state.save("balance", {"wei": 1})
        for number in range(4):
            state.save(f"order:{number}", {"typed": "x" * 9_000})
    assert mine.load() == {"key:sandbox:http://a": {"key": "a-key-that-was-typed"}, "login": {"proof": "p"}}
    usage = counted(here)["drafts"]
    assert usage[""] <= QUOTAS.drafts.total
    assert max(size for browser, size in usage.items() if browser) <= QUOTAS.drafts.per_browser
    assert "order:3" in (BrowserState(here, "visitor 59").load() or {})


def test_settings_over_the_quota_are_refused(another: Another) -> None:
    here, there = another(), another()
    states = [BrowserState(here, f"visitor {visitor}") for visitor in range(40)]
    greedy = states[0]
    greedy.save("options", {"x": "x" * 9_000})
    with pytest.raises(StoreFullError, match="This browser has as many saved settings"):
        greedy.save("look", {"x": "x" * 9_000})
    greedy.save("options", {"x": "x" * 8_000})  # smaller than before: always accepted
    assert set(greedy.load() or {}) == {"options"}
    saved, refusal = until_refused(lambda number: states[number].save("options", {"x": "x" * 9_000}), first=1)
    assert "PLAYGROUND_STORE_BYTES" in refusal
    assert 10 < saved < 40
    assert all(BrowserState(there, f"visitor {visitor}").load() for visitor in range(saved))
    states[1].forget()
    states[saved].save("options", {"x": "x" * 9_000})
    assert counted(here)["settings"][""] <= QUOTAS.settings.total


def test_claims_over_the_quota_are_refused_and_never_evicted(another: Another) -> None:
    here, there = another(), another()
    first = OneTimeTokens(here, "first")
    assert first.claim("one")
    taken, refusal = until_refused(lambda number: OneTimeTokens(there, "greedy").claim(str(number)))
    assert "This browser has as many forms" in refusal
    assert 20 < taken < 100
    assert not OneTimeTokens(there, "greedy").claim("0"), "still claimed, although the quota is used up"
    assert OneTimeTokens(here, "another").claim("one")
    _, refusal = until_refused(
        lambda number: OneTimeTokens(there, f"visitor {number // 10}").claim(str(number))
    )
    assert "PLAYGROUND_STORE_BYTES" in refusal
    assert not first.claim("one")
    assert OneTimeTokens(here, "greedy").find("0") is not None
    assert counted(here)["claims"][""] <= QUOTAS.claims.total


def test_evicted_results_stay_claimed(another: Another) -> None:
    here, there = another(), another()
    first = OneTimeTokens(here, "first")
    first.claim("one")
    first.finish("one", {"ok": True, "text": "the first", "endpoint": "x", "values": {}})
    for visitor in range(30):
        tokens = OneTimeTokens(there, f"visitor {visitor}")
        for number in range(4):
            tokens.claim(str(number))
            tokens.finish(str(number), {"ok": True, "text": "x" * 3_000})
    result = first.result("one")
    assert result is not None
    assert not result["ok"]
    assert "not kept any more" in result["text"]
    assert first.find("one") is not None
    assert not first.claim("one")
    assert (OneTimeTokens(here, "visitor 29").result("3") or {})["text"] == "x" * 3_000
    assert (OneTimeTokens(here, "visitor 29").result("0") or {})["ok"] is False, (
        "of one browser the oldest go"
    )
    assert counted(here)["results"][""] <= QUOTAS.results.total


def test_result_size_is_limited(database: Database) -> None:
    tokens = OneTimeTokens(database, "a")
    tokens.claim("one")
    tokens.finish(
        "one", {"ok": True, "text": "2 of 2", "each": ["x" * 300_000], "endpoint": "e", "values": {}}
    )
    assert len(json.dumps(tokens.result("one"))) < 1000


def test_snapshots_are_limited(another: Another) -> None:
    here = another()
    for number in range(200):
        WorkerSnapshots(here, f"settings {number}").publish({"pools": "x" * 1_000})
    assert len(WorkerSnapshots(here, "settings 199").all()) == 1
    assert WorkerSnapshots(here, "settings 0").all() == []
    assert counted(here)["snapshots"][""] <= QUOTAS.snapshots.total


def test_removed_records_are_not_counted(database: Database) -> None:
    state, log = BrowserState(database, "a"), RequestLog(database, "a")
    for _ in range(3):  # replaced, not added
        state.save("look", {"theme": "dark"})
        state.save("balance", {"wei": 1})
    once = counted(database)
    state.save("look", {"theme": "dark"})
    assert counted(database) == once
    state.drop("look")
    log.append([row(), row()])
    log.clear()
    log.append([row(), row()])
    state.forget()
    found = counted(database)
    assert {kind: found.get(kind, {}).get("", 0) for kind in ("settings", "drafts", "log")} == {
        "settings": 0, "drafts": 0, "log": 0,
    }  # fmt: skip
    jobs, tokens = (
        JobStore(database, "b"),
        OneTimeTokens(database, "b"),
    )  # nothing is stored for a removed browser
    id = jobs.begin("lab", {}, MANY)
    JobWriter(database, id).write({}, ["x"], ended=True)
    tokens.claim("one")
    tokens.finish("one", {"ok": True})
    assert set(counted(database)) >= {"jobs", "claims", "results"}


def test_redis_does_not_count_expired_records(redis_server: RedisServer) -> None:
    redis_server.start()
    with redis_server.client() as client:
        client.flushall()
        with closing(RedisDatabase(redis_server.url, QUOTAS)) as database:
            tokens = OneTimeTokens(database, "a")
            until_refused(lambda number: tokens.claim(str(number)))
            client.delete(*client.keys("playground:token:*"))  # as when they expire
            assert tokens.claim("another")
            assert counted(database)["claims"][""] == 300


FILL = """
import sys, threading; from pathlib import Path
from playground.store import BrowserState, RequestLog, JobWriter, JobStore, JobLimits, StoreQuotas, StoreError
from playground.store.sqlite import SqliteDatabase
from tests.playground.store.test_store import row
database = SqliteDatabase(Path(sys.argv[1]), StoreQuotas.of(8 * 2**20))
sys.stdin.readline()
def fill(name):
    for number in range(100):
        RequestLog(database, name).append([row(detail={"answer": "x" * 30_000})])
        RequestLog(database, name).latest(50, whole=True)
        BrowserState(database, name).save(f"order:{number}", {"typed": "x" * 9_000})
        job = JobStore(database, name).begin("lab", {}, JobLimits(999, 999, 9999))
        JobWriter(database, job).write({}, ["x" * 30_000], ended=True)
threads = [threading.Thread(target=fill, args=(f"{sys.argv[2]} {number}",)) for number in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_file_size_is_limited_with_concurrent_writers(tmp_path: Path) -> None:
    """Forty times a hundred kilobytes each: without a limit the file would have 40 MB."""
    path = tmp_path / "playground.sqlite3"
    command = [sys.executable, "-c", FILL, str(path)]
    started = [
        subprocess.Popen(
            [*command, str(number)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        _, problems = process.communicate(timeout=100)
        assert process.returncode == 0, problems
    assert path.stat().st_size < 10 * 2**20
    journal = path.with_name("playground.sqlite3-wal")
    assert not journal.exists() or journal.stat().st_size < 20 * 2**20
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        counted_in_all, in_fact = connection.execute(
            "SELECT (SELECT bytes FROM usage WHERE kind = 'log' AND browser = ''), sum(size) FROM calls"
        ).fetchone()
        assert counted_in_all == in_fact


def test_free_pages_are_returned_to_the_file_system(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "playground.sqlite3"
    with closing(SqliteDatabase(path, clock=clock, monotonic=clock.monotonic)) as database:
        log = RequestLog(database, "a")
        log.append([row(detail={"answer": "x" * 60_000}) for _ in range(100)])
        database.wipe()
        full = database.path.stat().st_size
        log.clear()
        clock.advance(61)
        log.append([row()])
        database.wipe()
        assert database.path.stat().st_size < 0.6 * full


def test_quota_is_set_by_a_variable(tmp_path: Path) -> None:
    read: Any = ProcessSettings.read
    assert read({}, tmp_path).store_bytes == DEFAULT_BYTES == 256 * 2**20
    assert read({"PLAYGROUND_STORE_BYTES": str(2**30)}, tmp_path).store_bytes == 2**30
    with pytest.raises(StartError, match="PLAYGROUND_STORE_BYTES must be a number from 33554432"):
        read({"PLAYGROUND_STORE_BYTES": "1000"}, tmp_path)


@pytest.fixture
def narrow(process: ProcessSettings, make_app: MakeApp) -> Flask:
    """The app with a small store."""
    return make_app(replace(process, store_bytes=STORE_BYTES))


def test_long_drafts_of_many_browsers_do_not_fill_the_disk(narrow: Flask) -> None:
    visitors = [Visitor(narrow) for _ in range(12)]
    tokens = [visitor.token() for visitor in visitors]
    envs = "A=" + "x" * 20_000
    for _ in range(5):
        for visitor, token in zip(visitors, tokens, strict=True):
            answer = visitor.client.post(
                "/playground/services/mr/rent", base_url=ORIGIN, buffered=True,
                data={"csrf_token": token, **MACHINE, "envs": envs},
            )  # fmt: skip
            assert answer.status_code == 303
    database = narrow.extensions["playground"].database
    database.wipe()
    assert counted(database)["drafts"][""] <= QUOTAS.drafts.total
    assert database.path.stat().st_size < QUOTAS.drafts.total + QUOTAS.log.total


def test_form_over_the_quota_is_not_sent(narrow: Flask, sandbox: SandboxServer) -> None:
    visitor = Visitor(narrow)
    visitor.page(order(visitor, "mr", **MACHINE))
    browser = str(visitor.session()["browser"])
    tokens = OneTimeTokens(narrow.extensions["playground"].database, browser)
    until_refused(lambda number: tokens.claim(str(number)))
    answer = visitor.post("/playground/nodes/9001/reboot")
    assert answer.status_code == 507
    assert "Nothing was sent" in answer.get_data(as_text=True)
    assert not [entry for entry in sandbox.journal.entries() if entry.path.endswith("/reboot")]
    assert rentals(sandbox) == []
