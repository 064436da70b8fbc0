"""Diagnostics: what every worker says of itself, a small refresh, the incident report; reads repeated."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.browser.client_options import CODE_ONLY, OPTIONS
from playground.store import WorkerSnapshots
from playground.store.process_identity import ProcessIdentity

from ...browsing import Visitor

DIAGNOSTICS = "/playground/diagnostics"
REQUESTS = "/playground/requests"
KEY = "sk-typed-in-a-browser-1234"


def report(visitor: Visitor) -> str:
    answer = visitor.get(f"{DIAGNOSTICS}/report.md")
    assert answer.mimetype == "text/markdown"
    return answer.get_data(as_text=True)


def logged(visitor: Visitor, text: str) -> str:
    """Address of the last call whose path has that text in it."""
    return str(visitor.page(f"{REQUESTS}?text={text}").select("#main .calls th a")[0]["href"])


def test_the_refresh_is_one_small_request_that_calls_nobody(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(DIAGNOSTICS)
    live = page.select("#live")[0]
    assert live["data-refresh"] == "5"
    sandbox.journal.clear()
    answer = visitor.get(str(live["data-refresh-from"]))
    assert len(answer.data) < 0.5 * len(visitor.get(DIAGNOSTICS).data)
    fresh = BeautifulSoup(answer.data, "html.parser")
    assert [part["id"] for part in fresh.find_all(recursive=False)] == ["live"]
    assert sandbox.journal.entries() == []


def test_looking_reads_each_table_once_and_writes_only_what_others_lack(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="3")
    database = app.extensions["playground"].database
    counts: Counter[str] = Counter()

    def count(name: str) -> None:
        transaction = getattr(type(database), name)

        def counted(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return transaction(*args, **options)

        monkeypatch.setattr(type(database), name, counted)

    def look(url: str) -> dict[str, int]:
        counts.clear()
        assert visitor.get(url).status_code == 200
        return dict(counts)

    look(DIAGNOSTICS)
    count("reading")
    count("writing")
    # State of the browser, snapshots, calls, errors, histories, twice the drawer, generation of the store.
    assert look(DIAGNOSTICS) == {"reading": 8}
    assert look(f"{DIAGNOSTICS}/live") == {"reading": 5}
    assert look(f"{DIAGNOSTICS}/report.md") == {"reading": 5}

    clock = database.clock
    monkeypatch.setattr(database, "clock", lambda: clock() + 31)
    assert look(f"{DIAGNOSTICS}/live") == {"reading": 5, "writing": 1}
    assert look(f"{DIAGNOSTICS}/live") == {"reading": 5}


def test_every_worker_leaves_its_figures_and_the_dead_fade_and_go(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="3")
    database = app.extensions["playground"].database
    with database.reading() as connection:
        (settings,) = connection.execute("SELECT settings FROM workers").fetchone()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    def leave(seconds_ago: float) -> None:
        stats = {"mode": "persistent", "pools": {}, "requests": 7, "retries": 0, "failovers": 0}
        at, host = time.time() - seconds_ago, ProcessIdentity.current().host
        said = {"pid": gone.pid, "started": at, "at": at, "stats": stats}
        database.workers.publish(settings, f"{host}:{gone.pid}:1", json.dumps(said), 3600)

    leave(1)
    table = visitor.page(DIAGNOSTICS).select('[aria-labelledby="workers-title"] tbody tr')
    faded = next(row for row in table if str(gone.pid) in row.get_text())
    assert "faded" in (faded.get("class") or [])
    assert "7" in faded.select('[data-label="Attempts"]')[0].get_text()
    leave(60)
    assert str(gone.pid) not in str(visitor.page(DIAGNOSTICS).select("#live"))
    assert [snapshot.pid for snapshot in WorkerSnapshots(database, settings).all()] != [gone.pid]


def test_a_page_that_made_calls_leaves_figures_without_opening_diagnostics(
    app: Flask, visitor: Visitor
) -> None:
    def count() -> int:
        with app.extensions["playground"].database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM workers").fetchone()[0])

    visitor.page("/playground/settings")
    assert count() == 0
    visitor.page("/playground/network")
    assert count() == 1


def test_two_keys_do_not_share_their_figures(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    other = Visitor(app)
    for person, key in ((visitor, "key-of-the-first-one"), (other, "key-of-the-second-one")):
        person.post("/playground/settings/source", kind="sandbox", api_key=key)
        person.page(DIAGNOSTICS)
    with app.extensions["playground"].database.reading() as connection:
        rows = connection.execute("SELECT settings FROM workers").fetchall()
    assert len({row["settings"] for row in rows}) == 2


def test_cooldowns_count_down_in_the_table_of_workers(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    sandbox.faults.remove_all()
    cell = visitor.page(DIAGNOSTICS).select('[data-label="Cooling down"]')[0]
    assert str(sandbox.ports[0]) in cell.get_text()
    assert cell.select("[data-countdown]")


def test_the_incident_report_says_what_helps_and_not_the_key(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key=KEY)
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=503, path="/nodes")
    visitor.page("/playground/dashboard")
    text = report(visitor)
    request_id = next(entry.request_id for entry in sandbox.journal.entries() if entry.status == 503)
    for part in ("| Flask-OctaSpace | ", "| requests | ", "| max\\_retries | 0 (changed) | 2 |", request_id,
                 "ServiceUnavailableError", "API key: set, typed in this browser", "| healthy |",
                 "median ", "## Last errors (1)"):  # fmt: skip
        assert part in text, part
    assert KEY not in text
    assert KEY[-4:] not in text


def test_the_incident_report_has_the_history_of_endpoints_and_the_values_in_use(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    good, bad = sandbox.urls
    lines = report(visitor).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    endpoints = [row[:2] for row in rows if row[0] in (f"`{good}`", f"`{bad}`") and len(row) == 10]
    assert endpoints == [[f"`{bad}`", "failing"], [f"`{good}`", "healthy"]]
    minutes = [row for row in rows if len(row) == 7 and row[0] == f"`{bad}`" and row[6].endswith(" s")]
    assert minutes
    assert int(minutes[0][3]) >= 1
    groups = [row for row in rows if len(row) == 7 and row[1] == "ConnectionError"]
    assert [(row[0], row[3]) for row in groups] == [(f"`{bad}`", "0")]
    options = {row[0]: row[1:] for row in rows if len(row) == 3}
    assert options["total\\_timeout"] == ["8.0", "none"]
    assert options["cache\\_ttl"] == ["10", "0"]
    assert "From the cache" in report(visitor)
    visitor.post("/playground/settings/options", total_timeout="5", cache_ttl="0")
    text = report(visitor)
    assert "| total\\_timeout | 5.0 (changed) | none |" in text
    assert "Cache: off." in text


def test_the_line_of_the_client_names_the_values_in_use(visitor: Visitor) -> None:
    def line() -> str:
        return visitor.page("/playground/settings").select(".sdk-call-line")[0].get_text()

    assert "total_timeout=8.0" in line()
    visitor.post("/playground/settings/options", total_timeout="5", keep_alive="false")
    assert "total_timeout=5.0" in line()
    assert "keep_alive" not in line(), "false is the default of the SDK"


def test_hostile_text_stays_text_in_the_report(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    visitor.post(
        "/playground/diagnostics/runner/run", method="nodes.find",
        **{"as": "form", "arg-id": "<img src=x onerror=alert(1)>|`[a](javascript:b)"},
    )  # fmt: skip
    text = report(visitor)
    assert "Last errors (1)" in text
    outside_code = re.sub(r"`[^`]*`", "", text)
    assert not re.search(r"(?<!\\)[<>]", outside_code)
    assert not re.search(r"(?<!\\)\]\(", outside_code)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_read_is_repeated_where_the_browser_speaks_to_now(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page("/playground/network")
    link = logged(visitor, "/network")
    sandbox.journal.clear()
    answers = [visitor.post(f"{link}/repeat", once="twice") for _ in range(2)]
    page = visitor.follow(answers[0])
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert "client.network.info()" in page.get_text()
    assert str(answers[0].headers["Location"]).partition("?")[0] != link
    assert [(entry.method, entry.path, entry.key) for entry in sandbox.journal.entries()] == [
        ("GET", "/network", None)
    ]


def test_a_change_is_not_repeated_also_when_it_is_a_get(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post(
        "/playground/diagnostics/runner/run", method="nodes.reboot",
        **{"as": "json", "args": '{"id": 9001}', "confirmed": "yes"},
    )  # fmt: skip
    link = logged(visitor, "/reboot")
    assert "reboot" in visitor.page(link).get_text()
    assert not visitor.page(link).select(f'form[action="{link}/repeat"]')
    page = visitor.follow(visitor.post(f"{link}/repeat"))
    assert "only reads can be repeated" in page.get_text()
    assert sum(entry.change for entry in sandbox.journal.entries()) == 1
    assert Visitor(app).post(f"{link}/repeat").status_code == 404


def test_a_repeated_read_that_fails_is_logged_with_its_error(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.page("/playground/network")
    link = logged(visitor, "/network")
    sandbox.faults.add("status", status=404, path="/network")
    page = visitor.follow(visitor.post(f"{link}/repeat"))
    assert "NotFoundError" in page.get_text()


def test_settings_name_every_option_of_the_client(visitor: Visitor) -> None:
    from octaspace.config import DEFAULTS

    named = {option.name for option in (*OPTIONS, *CODE_ONLY)} | {"api_key", "base_url", "base_urls"}
    assert named == set(DEFAULTS)
    page = visitor.page("/playground/settings")
    text = page.select("#code-only")[0].get_text()
    assert all(option.name in text and option.meaning in text for option in CODE_ONLY)


def test_the_first_steps_are_done_one_by_one(visitor: Visitor, sandbox: SandboxServer) -> None:
    def done() -> list[str]:
        return [
            step.get_text(strip=True)
            for step in visitor.page("/playground/dashboard").select(".step-done strong")
        ]

    titles = [step.get_text() for step in visitor.page("/playground/dashboard").select(".step strong")]
    assert titles == ["See data", "Break an endpoint", "Rent and stop"]
    assert done() == []
    visitor.page("/playground/nodes")
    assert done() == ["See data"]
