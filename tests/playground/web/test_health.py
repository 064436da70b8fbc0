"""`/healthz` and `/readyz`: what they say, to whom, and what they cost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from octaspace import RentalLedgerError
from playground.settings import ProcessSettings
from playground.web.admission import SLOTS
from playground.web.health import READINESS
from playground.web.readiness import KEPT_SECONDS, LIMIT_SECONDS, Readiness

from ...support.redis_server import RedisServer
from ...support.waiting import until
from ..browsing import ORIGIN, Visitor
from ..conftest import MakeApp


class Clock:
    """A clock that moves by a step each time it is read."""

    def __init__(self) -> None:
        self.now, self.step = 0.0, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Checked:
    """Something that is checked; it works, fails, or hangs until it is released."""

    def __init__(self) -> None:
        self.times = 0
        self.broken = False
        self.free = threading.Event()
        self.free.set()

    def __call__(self) -> None:
        self.times += 1
        assert self.free.wait(60)
        if self.broken:
            raise RentalLedgerError("redis://:a-password@store.internal/0 cannot be used")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def checked() -> Iterator[Checked]:
    checked = Checked()
    yield checked
    checked.free.set()


@pytest.fixture
def readiness(checked: Checked, clock: Clock) -> Readiness:
    return Readiness({"ledger": checked}, monotonic=clock)


def test_a_result_is_used_for_a_moment(readiness: Readiness, checked: Checked, clock: Clock) -> None:
    assert [readiness.problems() for _ in range(20)] == [[]] * 20
    assert checked.times == 1
    checked.broken = True
    clock.now += KEPT_SECONDS
    assert readiness.problems() == ["ledger: unavailable"]
    checked.broken = False
    assert readiness.problems() == ["ledger: unavailable"]
    clock.now += KEPT_SECONDS
    assert readiness.problems() == []
    assert checked.times == 3


def test_a_check_that_hangs_is_a_problem_and_holds_nobody(
    readiness: Readiness, checked: Checked, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    assert readiness.problems() == []
    checked.free.clear()
    clock.step = LIMIT_SECONDS  # its time is over when it is waited for
    for _ in range(20):
        assert readiness.problems() == [f"ledger: no answer within {LIMIT_SECONDS:g} s"]
    assert checked.times == 2, "the one that hangs is not repeated"
    clock.step = 0.0
    clock.now += KEPT_SECONDS
    checked.free.set()
    until(lambda: readiness.problems() == [])
    assert caplog.messages == [
        "Not ready, because of the ledger: it does not answer",
        "The ledger can be used again",
    ]


def test_only_one_request_waits_for_a_check(readiness: Readiness, checked: Checked, clock: Clock) -> None:
    assert readiness.problems() == []
    clock.now += KEPT_SECONDS
    checked.free.clear()
    answers: list[list[str]] = []
    waiting = threading.Thread(target=lambda: answers.append(readiness.problems()))
    waiting.start()
    until(lambda: readiness._checks[0]._waiting)
    checked.broken = True
    assert readiness.problems() == [], "the previous result"
    checked.free.set()
    waiting.join(60)
    assert answers == [["ledger: unavailable"]]


def test_a_failure_is_logged_once_and_not_shown(
    readiness: Readiness, checked: Checked, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    checked.broken = True
    for _ in range(5):
        assert readiness.problems() == ["ledger: unavailable"]
        clock.now += KEPT_SECONDS
    (line,) = caplog.messages
    assert line.startswith("Not ready, because of the ledger: octaspace.errors.RentalLedgerError: ")


def test_the_checks_need_no_login_no_slot_and_no_cookie(process: ProcessSettings, make_app: MakeApp) -> None:
    app = make_app(replace(process, password="open sesame, please"))
    slots = app.extensions[SLOTS]
    for number in range(process.threads):
        slots.acquire("page", f"browser {number}")
    for path in ("/healthz", "/readyz"):
        answer = Visitor(app).get(path)
        assert (answer.status_code, answer.data) == (200, b"ok\n")
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert Visitor(app).get(path, base_url="http://10.0.0.7:3000").status_code == 400
    assert not (process.state_dir / "rentals.db").exists(), "nothing is written"


def test_a_process_that_shuts_down_is_not_ready(app: Flask, visitor: Visitor) -> None:
    app.extensions[READINESS].is_stopping = lambda: True
    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.data) == (503, b"process: shutting down\n")
    assert visitor.get("/healthz").status_code == 200


def test_files_that_cannot_be_used_are_named_without_their_path(
    process: ProcessSettings, make_app: MakeApp
) -> None:
    app = make_app(process)
    (process.state_dir / "rentals.db").write_text("not a ledger " * 100)
    answer = Visitor(app).get("/readyz")
    assert (answer.status_code, answer.data) == (503, b"rental ledger: unavailable\n")
    app = make_app(process)
    (process.state_dir / "playground.sqlite3").write_text("not a database " * 100)
    assert Visitor(app).get("/readyz").data == b"store: unavailable\nrental ledger: unavailable\n"


def test_redis_that_is_gone_or_takes_no_writes(
    process: ProcessSettings, make_app: MakeApp, redis_server: RedisServer
) -> None:
    environment = {"PLAYGROUND_REDIS_URL": redis_server.url}
    settings = ProcessSettings.read(environment, process.state_dir)
    redis_server.start()
    with redis_server.client() as client:
        before = sorted(client.keys())
        assert make_app(settings).test_client().get("/readyz", base_url=ORIGIN).status_code == 200
        assert sorted(client.keys()) == before, "nothing is written"
        client.replicaof("127.0.0.1", 1)
        answer = make_app(settings).test_client().get("/readyz", base_url=ORIGIN)
        assert (answer.status_code, answer.data) == (503, b"store: unavailable\nrental ledger: unavailable\n")
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", "1")
        answer = make_app(settings).test_client().get("/readyz", base_url=ORIGIN)
        assert answer.data == b"store: unavailable\nrental ledger: unavailable\n"
        client.config_set("maxmemory", "0")
    redis_server.stop()
    answer = make_app(settings).test_client().get("/readyz", base_url=ORIGIN)
    redis_server.start()
    assert answer.data == b"store: unavailable\nrental ledger: unavailable\n"
