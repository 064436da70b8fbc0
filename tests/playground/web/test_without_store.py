"""The store fails: pages are read without it and say so, and nothing is changed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace import RentalLedgerError
from octaspace.rentals.sqlite_backend import SqliteBackend
from octaspace.sandbox import SandboxServer
from playground.pages.rent.drafts import RentalDrafts
from playground.settings import ProcessSettings
from playground.store import OneTimeTokens, StoreError
from playground.store.sqlite import SqliteDatabase

from ...support.redis_server import RedisServer
from ...support.waiting import until
from ..browsing import ORIGIN, Visitor, text_of
from ..conftest import MakeApp
from ..pages.rent.renting import MACHINE, order, rentals

READ = (
    "dashboard", "network", "account", "apps", "nodes", "nodes/9101", "sessions", "services", "rentals",
    "idle-jobs", "diagnostics", "services/mr/rent?node_id=9101",
)  # fmt: skip
#: Pages that show what the store holds.
STORED = ("settings", "requests", "diagnostics/runner", "diagnostics/smoke", "diagnostics/lab")


@contextmanager
def failing(method: str, advice: str = "") -> Iterator[None]:
    """The store cannot be used (`_take`), or only read (`writing`)."""

    def fail(self: SqliteDatabase, *args: Any, **kwargs: Any) -> Any:
        raise StoreError("the file /somewhere/private cannot be used: database or disk is full", advice)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, method, fail)
        yield


def banner(page: BeautifulSoup) -> str:
    (found,) = page.select("#store-banner")
    return text_of(found)


def keys_sent(sandbox: SandboxServer) -> set[str | None]:
    """Hashes of the keys that arrived; None for calls without one."""
    return {entry.key for entry in sandbox.journal.entries()}


def test_pages_are_read_without_it_and_say_so(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    visitor.page("/playground/dashboard")
    with failing("_take", advice="Whoever runs the server: do something."):
        for path in READ:
            caplog.clear()
            page = visitor.page(f"/playground/{path}")
            said = banner(page)
            assert "What this browser has chosen is not known: this page calls Sandbox" in said, path
            assert "Nothing can be changed." in said
            assert "do something" in said
            assert "Sandbox" in text_of(page.select(".topbar .source")[0])
            assert "default" in text_of(page.select(".topbar .source")[0])
            assert "/somewhere/private" not in page.get_text()
            assert "not available" in text_of(page.select("#drawer summary")[0])
            lines = [line for line in caplog.messages if "/somewhere/private" in line]
            assert len(lines) == 1, "one line for each page"
        for path in STORED:
            answer = visitor.get(f"/playground/{path}")
            assert answer.status_code == 503, path
            assert "do something" in answer.get_data(as_text=True)
    assert not visitor.page("/playground/dashboard").select("#store-banner")


def test_no_part_of_a_page_is_made_of_another_api(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page("/playground/dashboard")
    sandbox.journal.clear()
    with failing("_take"):
        for path in ("dashboard?_panel=sessions", "nodes?_raw=nodes", "sessions/abc/log.txt"):
            assert visitor.get(f"/playground/{path}").status_code == 503, path
        for path in ("dashboard", "balance", "diagnostics/live", "sessions/abc/follow"):
            answer = visitor.get(f"/playground/{path}", headers={"X-Background": "1"})
            assert answer.status_code in (404, 503), path
    assert keys_sent(sandbox) == set()


def posted(app: Flask) -> list[str]:
    """A URL of each route that takes POST requests."""
    adapter = app.url_map.bind("127.0.0.1:3000")
    values = {"service": "mr", "kind": "ident", "number": 1}
    return [
        adapter.build(rule.endpoint, {name: values.get(name, "9101") for name in rule.arguments}, "POST")
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    ]


def test_nothing_is_changed_without_it(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    question = order(visitor, "mr", **MACHINE)
    token = visitor.token()
    fields = {"csrf_token": token, "once": "a-token", "theme": "dark", "max_retries": "7"}
    paths = [question, *posted(app)]
    assert len(paths) > 20
    for method in ("_take", "writing"):
        with failing(method):
            for path in paths:
                answer = visitor.client.post(path, data=fields, base_url=ORIGIN, buffered=True)
                # 422: an input is wrong, which is said before anything is written
                expected = (503,) if method == "_take" else (303, 404, 422, 503)
                assert answer.status_code in expected, path
            answer = visitor.client.post(question, data={"csrf_token": token}, base_url=ORIGIN)
            assert "Nothing was sent or saved." in answer.get_data(as_text=True)
    assert [entry for entry in sandbox.journal.entries() if entry.change] == []


def test_a_browser_with_another_api_gets_the_default_one_and_is_told(
    sandbox: SandboxServer, tmp_path: Path, make_app: MakeApp
) -> None:
    """Its own key is not known, and the operator's goes to the operator's endpoints only."""
    operator = {
        "OCTA_API_KEY": "the-operators-key",
        "OCTA_BASE_URL": sandbox.urls[0],
        "PLAYGROUND_SANDBOX_URLS": sandbox.urls[1],
    }
    app = make_app(ProcessSettings.read(operator, tmp_path / "live"))
    sandbox.journal.clear()
    Visitor(app).page("/playground/account")
    of_operator = keys_sent(sandbox)
    visitor = Visitor(app)
    visitor.post("/playground/settings/source", kind="sandbox", api_key="a-key-of-this-browser")
    page = visitor.page("/playground/account")
    assert "Sandbox" in text_of(page.select(".topbar .source")[0])
    old = str(page.select("#balance")[0]["data-target"])
    sandbox.journal.clear()
    with failing("_take"):
        page = visitor.page("/playground/account")
    assert f"this page calls {sandbox.urls[0].partition('//')[2]}" in banner(page)
    assert "-key (from OCTA_API_KEY)" in banner(page)
    assert "Sandbox" not in text_of(page.select(".topbar .source")[0])
    assert page.select("#balance")[0]["data-target"] != old, "scripts compare it"
    assert keys_sent(sandbox) == of_operator
    assert "Sandbox" in text_of(visitor.page("/playground/account").select(".topbar .source")[0])


def test_a_login_that_cannot_be_checked_is_no_login(process: ProcessSettings, make_app: MakeApp) -> None:
    visitor = Visitor(make_app(replace(process, password="open sesame, please")))
    login = "/playground/login"

    def fields() -> dict[str, str]:
        page = BeautifulSoup(visitor.get(login).get_data(), "html.parser")
        (token,) = page.select("[name=csrf_token]")
        return {"csrf_token": str(token["value"]), "password": "open sesame, please"}

    assert visitor.client.post(login, data=fields(), base_url=ORIGIN).status_code == 303
    again = fields()
    visitor.page("/playground/network")
    with failing("_take"):
        for path in READ:
            answer = visitor.get(f"/playground/{path}")
            assert answer.status_code == 503, path
            text = answer.get_data(as_text=True)
            assert "a login cannot be checked" in text
            assert "Sandbox" not in text
        assert visitor.client.post(login, data=again, base_url=ORIGIN).status_code == 503


def test_on_a_full_disk_a_browser_keeps_its_api_and_the_log_is_missing(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key="a-key-of-this-browser")
    with failing("writing"):
        for path in READ:
            page = visitor.page(f"/playground/{path}")
            if path in ("idle-jobs", "diagnostics"):  # they make no calls
                continue
            said = banner(page)
            assert "the request log" in said, path
            assert "has chosen is not known" not in said
        assert "7-er" not in visitor.get("/playground/settings").get_data(as_text=True)
        assert visitor.get("/playground/settings").status_code == 200
        assert visitor.get("/playground/requests").status_code == 200
    assert rentals(sandbox) == []


def test_an_outcome_that_cannot_be_kept_is_on_the_error_page(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = order(visitor, "mr", **MACHINE)

    def fail(*args: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(OneTimeTokens, "finish", fail)
    answer = visitor.post(question)
    assert answer.status_code == 503
    assert "Its outcome could not be kept: Rented." in answer.get_data(as_text=True)
    assert len(rentals(sandbox)) == 1


def test_a_draft_that_cannot_be_removed_does_not_hide_the_session(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = order(visitor, "mr", **MACHINE)

    def fail(*args: Any) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(RentalDrafts, "drop", fail)
    assert "Rented." in text_of(visitor.follow(visitor.post(question)))
    assert len(rentals(sandbox)) == 1


def test_a_rental_that_can_be_stored_nowhere_is_named_on_the_error_page(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = order(visitor, "mr", **MACHINE)

    def fail(*args: Any) -> None:
        raise StoreError("the disk is full")

    def fail_to_record(*args: Any) -> None:
        raise RentalLedgerError("the disk is full")

    monkeypatch.setattr(OneTimeTokens, "finish", fail)
    monkeypatch.setattr(SqliteBackend, "replace", fail_to_record)
    text = visitor.post(question).get_data(as_text=True)
    assert len(rentals(sandbox)) == 1
    uuid = next(one.uuid for one in sandbox.world.active() if one.uuid in text)
    assert f"The session {uuid} runs and costs money, and it is not in the rental ledger" in text
    assert "request failed" not in text


def test_a_redis_that_hangs_is_waited_for_once(
    process: ProcessSettings, make_app: MakeApp, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.start()
    app = make_app(replace(process, redis_url=redis_server.url))
    visitor = Visitor(app)
    visitor.page("/playground/dashboard")
    breaker = app.extensions["playground"].database.breaker
    timeouts: list[float] = []
    noted = breaker.timed_out
    monkeypatch.setattr(breaker, "timed_out", lambda: (timeouts.append(0.0), noted()))
    # However slow this machine is, the page is made before the store is asked again.
    monkeypatch.setattr(breaker, "_monotonic", lambda: 1000.0)
    pid = redis_server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "this page calls Sandbox" in banner(visitor.page("/playground/dashboard"))
        assert len(timeouts) == 1
        assert banner(visitor.page("/playground/diagnostics"))
        assert len(timeouts) == 1, "it is left alone for a moment"
        monkeypatch.setattr(breaker, "_monotonic", lambda: 1010.0)
        assert banner(visitor.page("/playground/network"))
        assert len(timeouts) == 2
    finally:
        os.kill(pid, signal.SIGCONT)
    monkeypatch.setattr(breaker, "_monotonic", lambda: 1020.0)
    until(lambda: not visitor.page("/playground/dashboard").select("#store-banner"))
