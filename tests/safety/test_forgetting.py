"""Removed browser state: the old cookie shows nothing in any worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer
from tests.playground.browsing import ORIGIN, Visitor, text_of
from tests.playground.conftest import (
    app,
    compiled_templates,
    make_app,
    process,
    redis_server,
    running_sandbox,
    sandbox,
    visitor,
)  # fmt: skip
from tests.playground.remote import Remote
from tests.support.redis_server import RedisServer
from tests.support.running_playground import RunningPlayground
from tests.support.waiting import until

__all__ = [
    "app", "compiled_templates", "make_app", "process", "redis_server", "running_sandbox", "sandbox",
    "visitor",
]  # fmt: skip

SETTINGS = "/playground/settings"
RUNNER = "/playground/diagnostics/runner"
SMOKE = "/playground/diagnostics/smoke"
KEY = "octa-typed-in-this-browser-Zx9w"

#: Pages that show state of a browser.
PLACES = (
    SETTINGS, "/playground/requests", "/playground/requests/log.json", "/playground/requests/log.har",
    "/playground/diagnostics/report.md", SMOKE, RUNNER, "/playground/diagnostics/lab",
)  # fmt: skip


def replayed(app: Flask, cookie: str) -> Visitor:
    """Another client with the same cookie."""
    thief = Visitor(app)
    ((name, morsel),) = SimpleCookie(cookie).items()
    thief.client.set_cookie(name, morsel.value, domain="127.0.0.1")
    return thief


def test_old_cookie_shows_no_state(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    cookie = visitor.get(SETTINGS).headers["Set-Cookie"]
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0], api_key=KEY)
    visitor.page("/playground/nodes")
    moved = visitor.post(f"{SETTINGS}/options", max_retries="7")
    result = str(moved.headers["Location"])
    number = int(
        str(visitor.page("/playground/requests").select("#main .calls th a")[0]["href"]).rpartition("/")[2]
    )
    run = visitor.post(f"{RUNNER}/run", method="network.info")
    until(lambda: "Cancel" not in text_of(visitor.page(str(run.headers["Location"])).select("main")[0]))

    thief = replayed(app, cookie)
    seen = thief.page("/playground/requests").get_text()
    assert "/nodes" in seen, "before, the cookie is the browser"
    assert visitor.post("/playground/logout").status_code == 303

    for place in (*PLACES, result, str(run.headers["Location"])):
        answer = replayed(app, cookie).get(place)
        text = answer.get_data(as_text=True)
        assert answer.status_code in (200, 404), place
        for trace in (
            "Zx9w",
            "/nodes</",
            '"path": "/nodes"',
            '"/nodes"',
            "max_retries=7",
            "Saved for this browser",
        ):
            assert trace not in text, (place, trace)
    assert replayed(app, cookie).get(f"/playground/requests/{number}").status_code == 404
    assert "No calls yet" in replayed(app, cookie).page(SETTINGS).get_text()
    after = thief.page("/playground/requests").get_text()
    assert "/nodes" not in after
    assert "Zx9w" not in visitor.page(SETTINGS).get_text()


def test_old_cookie_gets_a_new_id(app: Flask, visitor: Visitor) -> None:
    cookie = visitor.get(SETTINGS).headers["Set-Cookie"]
    visitor.post("/playground/logout")
    one, other = replayed(app, cookie), replayed(app, cookie)
    one.page(SETTINGS)
    one.post(f"{SETTINGS}/options", max_retries="7")
    assert "max_retries=7" in one.page(SETTINGS).get_text()
    assert "max_retries=7" not in other.page(SETTINGS).get_text(), "two who have it do not meet"


def test_form_of_a_removed_browser_is_refused(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    """Its one-time token was removed; with the old cookie it would count as unused."""
    cookie = visitor.get(SETTINGS).headers["Set-Cookie"]
    order = {
        "csrf_token": visitor.token(),
        "once": "made-by-this-form",
        "method": "nodes.reboot",
        "arg-id": "9001",
    }
    visitor.post("/playground/logout")
    answer = replayed(app, cookie).client.post(f"{RUNNER}/run", data=order, base_url=ORIGIN)
    assert answer.status_code == 400
    assert "removed" in answer.get_data(as_text=True)
    assert [entry for entry in sandbox.journal.entries() if entry.change] == []


def test_removed_state_is_not_left_in_files(visitor: Visitor, sandbox: SandboxServer, tmp_path: Path) -> None:
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0], api_key=KEY)
    visitor.page("/playground/account")
    traces = (KEY.encode(), b"accounts.profile", sandbox.urls[0].encode())

    def left() -> list[bytes]:
        files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        return [trace for trace in traces if trace in files]

    assert len(left()) >= 2
    visitor.post("/playground/logout")
    assert left() == []


def test_only_own_snapshots_are_removed(app: Flask, visitor: Visitor) -> None:
    left: dict[str, int] = {}

    def snapshots() -> int:
        database = app.extensions["playground"].database
        with database.reading() as connection:
            return int(connection.execute("SELECT count(DISTINCT settings) FROM workers").fetchone()[0])

    other = Visitor(app)
    other.page("/playground/network")
    left["of all"] = snapshots()
    visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key=KEY)
    visitor.page("/playground/network")
    left["with its own"] = snapshots()
    visitor.post("/playground/logout")
    assert left == {"of all": 1, "with its own": 2}
    assert snapshots() == 1


def test_running_page_does_not_restore_removed_state(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    cookie = visitor.get(SETTINGS).headers["Set-Cookie"]
    sandbox.faults.add("slow", seconds=1.0, path="/network")
    page = threading.Thread(target=lambda: replayed(app, cookie).get("/playground/network"))
    page.start()
    until(lambda: any(entry.path == "/network" for entry in sandbox.journal.entries()))
    visitor.post("/playground/logout")
    page.join(20)
    database = app.extensions["playground"].database
    with database.reading() as connection:
        for table in ("calls", "browser_state", "browsers"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table


def test_settings_page_has_the_removal_form(visitor: Visitor) -> None:
    form = visitor.page(SETTINGS).select('form[action="/playground/logout"]')[0]
    assert form.select("button[type=submit]")


@pytest.fixture(params=["sqlite", "redis"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningPlayground]:
    environment = {}
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        environment["PLAYGROUND_REDIS_URL"] = server.url
    with RunningPlayground(tmp_path, workers=3, environment=environment) as playground:
        yield playground


@pytest.mark.gunicorn
def test_all_workers_drop_removed_state_and_jobs_end(running: RunningPlayground) -> None:
    with closing(Remote(running.url)) as remote:
        remote.page("/playground/nodes")
        cookie = {each.name: str(each.value) for each in remote._session.cookies}
        running.sandbox.faults.add("slow", seconds=1.0)
        before = len(running.sandbox.journal.entries())
        run = remote.post(SMOKE)
        until(lambda: len(running.sandbox.journal.entries()) > before)
        remote.post("/playground/logout")

        def ask(path: str) -> BeautifulSoup:
            answer = requests.get(
                running.url + path, cookies=cookie, timeout=30, headers={"Connection": "close"}
            )
            assert answer.status_code == 200
            return BeautifulSoup(answer.text, "html.parser")

        for _ in range(12):  # reaches any of the workers
            page = ask("/playground/requests")
            assert page.select("#main .calls tbody tr") == []
            assert ask(run).select("[data-watch]") == []

        # The suite stops at its next step; then there are no more calls.
        def calls() -> int:
            return len(running.sandbox.journal.entries())

        quiet = threading.Event()
        seen = -1
        while seen != calls():
            seen = calls()
            quiet.wait(2.0)
        assert seen - before < 12, "the whole suite makes more calls than that"
        assert ask("/playground/requests").select("#main .calls tbody tr") == []
    assert "Traceback" not in running.log()
