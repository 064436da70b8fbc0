"""Redis: every key expires, an outage is an error page, and the app recovers by itself."""

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
from redis.exceptions import ConnectionError as RedisConnectionError

from playground.jobs.background import begin
from playground.jobs.progress import Progress
from playground.settings import ProcessSettings, StartError
from playground.store import (
    BrowserState,
    JobLimits,
    JobStore,
    JobWriter,
    LoginAttempts,
    OneTimeTokens,
    RequestLog,
    StoreError,
    TooManyJobsError,
    WorkerSnapshots,
    open_database,
)  # fmt: skip
from playground.store.redis import RedisDatabase

from ...support.redis_server import RedisServer
from ...support.running_playground import ROOT, bare_environment, free_port
from ...support.waiting import until
from ..browsing import Visitor
from ..conftest import MakeApp
from .test_store import row

SETTINGS = "/playground/settings"


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.start()
    with redis_server.client() as client:
        client.flushall()
    yield redis_server
    redis_server.start()


@pytest.fixture
def database(server: RedisServer) -> Iterator[RedisDatabase]:
    database = RedisDatabase(server.url)
    yield database
    database.close()


@pytest.fixture
def app(process: ProcessSettings, make_app: MakeApp, server: RedisServer) -> Flask:
    return make_app(replace(process, redis_url=server.url))


def lives(server: RedisServer) -> dict[str, int]:
    """Every key, and the seconds it has left."""
    with server.client() as client:
        return {key: client.ttl(key) for key in client.keys("*")}


def test_every_key_but_that_of_the_generation_expires(database: RedisDatabase, server: RedisServer) -> None:
    BrowserState(database, "a").save("look", {"theme": "dark"})
    RequestLog(database, "a").append([row()])
    tokens = OneTimeTokens(database, "a")
    for name in ("under way", "done"):
        tokens.claim(name)
    tokens.finish("done", {})
    WorkerSnapshots(database, "settings").publish({})
    jobs = JobStore(database, "a")
    for _ in range(3):
        JobWriter(database, jobs.begin("lab", {}, JobLimits(9, 9, 9))).write({}, ["item"], ended=True)
    jobs.begin("lab", {}, JobLimits(9, 9, 9))
    with pytest.raises(TooManyJobsError):
        jobs.begin("lab", {}, JobLimits(1, 1, 1))
    LoginAttempts(database, "192.0.2.1").claim()
    BrowserState(database, "another").forget()
    database.generation()
    found = lives(server)
    assert found.pop("playground:generation") == -1
    assert len(found) > 15
    assert {key: seconds for key, seconds in found.items() if not 0 < seconds <= 8 * 24 * 3600} == {}
    assert all(key.startswith("playground:") for key in found)


def test_reading_restarts_a_browsers_twelve_hours(database: RedisDatabase, server: RedisServer) -> None:
    state = BrowserState(database, "a")
    state.save("look", {"theme": "dark"})
    with server.client() as client:
        client.expire("playground:browser:a", 5)
        assert state.load() == {"look": {"theme": "dark"}}
        assert client.ttl("playground:browser:a") > 11 * 3600
        client.pexpire("playground:browser:a", 1)
        until(lambda: not client.exists("playground:browser:a"))
    assert state.load() == {}


def test_nothing_in_it_is_executable_and_the_key_is_where_it_belongs(
    visitor: Visitor, server: RedisServer
) -> None:
    key = "sk-typed-in-a-browser-1234"
    visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key=key)
    for page in ("dashboard", "network", "diagnostics", "nodes"):
        visitor.page(f"/playground/{page}")
    with server.client() as client:
        values: dict[str, Any] = {}
        for name in client.keys("*"):
            kind = client.type(name)
            values[name] = {
                "hash": client.hgetall, "string": client.get, "list": lambda n: client.lrange(n, 0, -1),
                "zset": lambda n: client.zrange(n, 0, -1), "set": client.smembers,
            }[kind](name)  # fmt: skip
    assert len(values) > 5
    assert [name for name in values if key in name] == []
    assert [name for name, value in values.items() if key in str(value)] == [
        name for name in values if name.startswith("playground:browser:")
    ]
    assert "\\x80" not in repr(values), "no pickles"


def test_a_claim_whose_answer_was_lost_is_still_ours(
    database: RedisDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = OneTimeTokens(database, "a")
    send = type(database.client.connection_pool.connection_class()).read_response
    lost = []

    def lose_one(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = send(self, *args, **kwargs)
        if not lost and answer == 1:
            lost.append(answer)
            self.disconnect()
            raise RedisConnectionError("the line broke")
        return answer

    tokens.find("warm up")
    OneTimeTokens(database, "b").claim("warm up")
    monkeypatch.setattr(database.client.connection_pool.connection_class, "read_response", lose_one)
    assert tokens.claim("one") is True
    assert lost == [1]
    assert tokens.claim("one") is False


def test_an_outage_is_a_page_and_heals_by_itself(
    app: Flask, visitor: Visitor, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.post(f"{SETTINGS}/options", max_retries="7")
    visitor.page("/playground/dashboard")
    server.stop()
    for path in (SETTINGS, "/playground/requests"):
        answer = visitor.get(path)
        assert answer.status_code == 503, path
        assert "Storage unavailable" in answer.get_data(as_text=True)
        assert server.url not in answer.get_data(as_text=True)
    assert visitor.get("/healthz").data == b"ok\n"
    assert "Traceback" not in caplog.text
    assert "Redis: " in caplog.text
    server.start()
    page = visitor.page(SETTINGS)
    assert "max_retries=7" not in page.get_text(), "this Redis keeps nothing on disk"
    visitor.post(f"{SETTINGS}/options", max_retries="8")
    assert "max_retries=8" in visitor.page(SETTINGS).get_text()


def test_a_restart_between_two_requests_is_not_noticed(visitor: Visitor, server: RedisServer) -> None:
    visitor.page(SETTINGS)
    server.stop()
    server.start()
    visitor.page(SETTINGS)


def test_a_job_under_way_goes_on_through_an_outage(
    database: RedisDatabase, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    ended, out, back = threading.Event(), threading.Event(), threading.Event()

    def work(progress: Progress) -> None:
        progress.tell("before", at_once=True)
        out.wait(20)
        progress.tell("meanwhile", at_once=True)
        back.wait(20)
        assert progress.wait(20), "its record is gone: this Redis keeps nothing on disk"
        ended.set()

    id = begin(database, "a", "lab", {}, JobLimits(9, 9, 9), work)
    until(lambda: JobStore(database, "a").items(id) == ["before"])
    server.stop()
    with pytest.raises(StoreError, match=r"^Redis: "):
        JobStore(database, "a").items(id)
    out.set()
    until(lambda: f"The progress of the job {id} could not be stored: Redis: " in caplog.text)
    server.start()
    back.set()
    assert ended.wait(20)
    until(lambda: not any(id in thread.name for thread in threading.enumerate()))
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:6379", "PLAYGROUND_REDIS_URL cannot be used"),
        ("redis://127.0.0.1:port", "PLAYGROUND_REDIS_URL cannot be used"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_in_one_line(
    process: ProcessSettings, make_app: MakeApp, url: str, says: str
) -> None:
    with pytest.raises(StartError, match=says) as raised:
        make_app(replace(process, redis_url=url))
    assert "\n" not in str(raised.value)


def test_without_its_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name == "redis" or name.startswith(("redis.", "playground.store.redis")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StoreError, match="pip install redis"):
        open_database(tmp_path, "redis://127.0.0.1:1")


@pytest.mark.gunicorn
def test_one_that_is_not_there_stops_the_start_with_one_line(tmp_path: Path) -> None:
    password = "in-the-address"
    environment = {
        **bare_environment(),
        "PLAYGROUND_BIND": f"127.0.0.1:{free_port()}",
        "PLAYGROUND_STATE_DIR": str(tmp_path),
        "PLAYGROUND_REDIS_URL": f"redis://:{password}@127.0.0.1:{free_port()}/0",
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "playground/gunicorn.conf.py",
        "playground:create_app()",
    ]
    done = subprocess.run(
        [*command, "playground:create_app()"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Error: The state cannot be stored: Redis: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Booting worker" not in done.stderr
    assert password not in done.stderr
