"""What runs in the background ends: when it is cancelled, when its time is over, and with the app."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import octaspace
from octaspace.sandbox import SandboxServer
from playground.jobs import progress
from playground.jobs.background import begin
from playground.jobs.progress import Progress
from playground.sdk import method_results
from playground.sdk.recording import Call, RecordedCalls
from playground.store import Database, JobLimits, JobStore, TooManyJobsError, open_database

from ...support.waiting import until
from ..browsing import Visitor
from ..pages.runner.test_runner import result, run
from ..pages.smoke.test_smoke import SMOKE, report
from ..small_api import Answer, SmallApi

ONE = JobLimits(per_browser=1, total=1, rate=100)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


def ready_session(sandbox: SandboxServer) -> str:
    world = sandbox.world
    return next(rental.uuid for rental in world.active() if rental.is_ready(world.clock.monotonic()))


def job_threads() -> list[str]:
    names = (thread.name for thread in threading.enumerate())
    return [name for name in names if name.startswith(("runner-", "smoke-", "lab-"))]


def cancel(visitor: Visitor, watched: str) -> None:
    visitor.follow(visitor.post(f"{watched}/cancel"))
    until(lambda: "data-watch" not in visitor.get(watched).get_data(as_text=True))
    until(lambda: not job_threads())


def test_following_a_session_that_writes_nothing_is_cancelled(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    page = run(visitor, "services.session.follow_logs",
               **{"arg-uuid": ready_session(sandbox), "arg-interval": "30"})  # fmt: skip
    watched = str(page.select("#run")[0]["data-watch"])
    until(lambda: len(sandbox.journal.entries()) >= 2)
    cancel(visitor, watched)
    assert "cancelled" in visitor.get(watched).get_data(as_text=True)
    assert len(sandbox.journal.entries()) == 2


def test_an_answer_that_arrives_right_after_the_cancellation_is_discarded(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No poll between the cancellation and the answer.
    monkeypatch.setattr(progress, "_HEARTBEAT", 3600.0)
    visitor.post("/playground/settings/options", total_timeout="20", max_retries="0", read_timeout="20")
    fault = sandbox.faults.add("stall", path="/network")
    watched = str(run(visitor, "network.info").select("#run")[0]["data-watch"])
    visitor.follow(visitor.post(f"{watched}/cancel"))
    sandbox.faults.remove_fault(fault.id)
    until(lambda: "data-watch" not in visitor.get(watched).get_data(as_text=True))
    assert "The run was cancelled" in visitor.get(watched).get_data(as_text=True)


@pytest.mark.parametrize("method", ["wait_until_ready", "follow_logs"])
def test_an_api_that_asks_for_a_long_wait_keeps_no_cancelled_run(
    visitor: Visitor, sandbox: SandboxServer, method: str
) -> None:
    sandbox.faults.add("status", status=429, retry_after=86400, path="/services/*")
    page = run(visitor, f"services.session.{method}", **{"arg-uuid": ready_session(sandbox)})
    watched = str(page.select("#run")[0]["data-watch"])
    until(lambda: sandbox.journal.entries())
    cancel(visitor, watched)
    assert "cancelled" in visitor.get(watched).get_data(as_text=True)
    assert len(sandbox.journal.entries()) == 1


def test_a_wait_for_a_retry_keeps_no_cancelled_run(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", max_retry_after="100", total_timeout="100", max_retries="3")
    sandbox.faults.add("status", status=429, retry_after=90)
    page = run(visitor, "network.info")
    watched = str(page.select("#run")[0]["data-watch"])
    until(lambda: sandbox.journal.entries())
    cancel(visitor, watched)
    assert len(sandbox.journal.entries()) == 1


def test_following_ends_with_its_time(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_results, "_MAX_SECONDS", 0.3)
    for given in ({}, {"arg-timeout": "500"}):
        page = run(visitor, "services.session.follow_logs",
                   **{"arg-uuid": ready_session(sandbox), "arg-interval": "0", **given})  # fmt: skip
        assert "the first 0.3 s" in result(page)
    until(lambda: not job_threads())


@pytest.mark.parametrize(("size", "kept"), [(10, 50), (1 << 20, 3), (5 << 20, 1)])
def test_of_a_method_that_looks_again_and_again_the_latest_calls_are_kept(size: int, kept: int) -> None:
    """Each look at a log brings all of it: together they would be as much memory as an API likes."""
    calls = RecordedCalls()
    for number in range(70):
        calls.append(Call(octaspace.Request("GET", f"/{number}"), at=0.0, began=0.0))
        calls[-1].response = octaspace.Response(status=200, headers={}, data=None, body=bytes(size))
    assert (len(calls), calls.total) == (kept, 70)
    assert [call.request.path for call in calls][-1] == "/69"


def test_a_suite_that_is_cancelled_while_it_waits_still_stops_what_it_rented(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    """The sandbox's clock stands still, so that nothing becomes ready."""
    before = {rental.uuid for rental in sandbox.world.active()}
    page = visitor.follow(visitor.post(SMOKE, changes="yes"))
    watched = str(page.select("#suite")[0]["data-watch"])
    until(lambda: {rental.uuid for rental in sandbox.world.active()} != before)
    cancel(visitor, watched)
    assert {rental.uuid for rental in sandbox.world.active()} == before
    calls = {call["line"]: call for call in report(visitor, visitor.page(SMOKE))["calls"]}
    assert "client.services.session.wait_until_ready(…)" in calls, calls
    assert calls["client.services.session.wait_until_ready(…)"]["state"] == "skipped"
    assert calls["client.services.vpn.create(…)"]["state"] == "skipped"


def test_the_end_of_the_app_ends_what_follows(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    run(visitor, "services.session.follow_logs",
        **{"arg-uuid": ready_session(sandbox), "arg-interval": "30"})  # fmt: skip
    until(lambda: len(sandbox.journal.entries()) >= 2)
    app.extensions["playground"].close()
    until(lambda: not job_threads())


def test_a_job_that_tells_nothing_keeps_its_place_until_its_thread_has_ended(database: Database) -> None:
    release = threading.Event()
    jobs = JobStore(database, "me")
    id = begin(database, "me", "lab", {}, ONE, lambda progress: (release.wait(60), None)[1])
    began = database.jobs.find("me", id)
    assert began is not None
    # It writes its heartbeat, so that it does not count as lost.
    until(lambda: database.jobs.find("me", id)["heartbeat"] > began["heartbeat"])  # type: ignore[index]
    jobs.cancel(id)
    with pytest.raises(TooManyJobsError):
        begin(database, "me", "lab", {}, ONE, lambda progress: None)
    release.set()
    until(lambda: not job_threads())
    begin(database, "me", "lab", {}, ONE, lambda progress: None)
    until(lambda: not job_threads())


def test_a_cancelled_job_ends_its_waits_and_no_other_ones(database: Database) -> None:
    client = octaspace.Client()
    closed: list[bool] = []

    def work(progress: Progress) -> None:
        with progress.ending(client) as copy:
            copy._transport.pause(86400)
            closed.append(copy._transport.closed)
        with progress.ending(client) as late:
            closed.append(late._transport.closed)

    id = begin(database, "me", "lab", {}, ONE, work)
    until(job_threads)
    JobStore(database, "me").cancel(id)
    until(lambda: not job_threads())
    assert closed == [True, True]
    assert not client._transport.closed
    client.close()


def test_what_is_told_after_the_end_does_not_begin_a_job_again(database: Database) -> None:
    kept: list[Progress] = []
    id = begin(database, "me", "lab", {}, ONE, kept.append)
    until(lambda: not job_threads())
    kept[0].tell(said="late", at_once=True)
    job = JobStore(database, "me").find(id)
    assert job is not None
    assert (job.ended is not None, job.state) == (True, {})


def test_a_server_without_threads_says_so_and_keeps_no_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TooManyJobsError, match="no free thread"):
            begin(database, "me", "lab", {}, ONE, lambda progress: None)
    begin(database, "me", "lab", {}, ONE, lambda progress: None)
    until(lambda: not job_threads())


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_with_more_values_than_the_app_takes(
    guest: Visitor, small_api: SmallApi, status: int
) -> None:
    many = b"[" + b"[]," * 130_000 + b"1]"
    for path in ("/network", "/nodes", "/sessions", "/apps", "/services/mr"):
        small_api.answers[f"GET {path}"] = Answer(many, status, "application/json")
    for page in ("/dashboard", "/network", "/nodes", "/sessions", "/apps"):
        answer = guest.get(f"/playground{page}")
        assert answer.status_code == 200
        says = "max_json_values=250000" if status == 200 else "ServerError"
        assert says in answer.get_data(as_text=True)


def test_a_browser_cannot_have_more_than_the_app_takes(visitor: Visitor) -> None:
    for name, most in (("max_response_bytes", 8 << 20), ("max_json_values", 250_000)):
        assert visitor.post("/playground/settings/options", **{name: str(most)}).status_code == 303
        answer = visitor.post("/playground/settings/options", **{name: str(most + 1)})
        assert answer.status_code == 422
        assert str(most) in answer.get_data(as_text=True)
    visitor.post("/playground/settings/reset")
    page = visitor.page("/playground/settings")
    shown = page.select("#max_json_values-help")[0].get_text(" ", strip=True)
    assert "SDK default 2000000" in shown
    assert "250000" in shown
