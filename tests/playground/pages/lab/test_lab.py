"""The failover lab: switches reach the sandbox, calls are bounded, the journal has the last word."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.faults.kinds import KINDS
from playground.pages.lab.faults import GROUPS, SCENARIOS
from playground.pages.lab.sandbox_control import SandboxControl
from playground.pages.lab.timeline import draw
from playground.settings import ProcessSettings
from playground.store import Job, JobStore

from ....support.waiting import until
from ...browsing import Visitor, text_of

LAB = "/playground/diagnostics/lab"

#: What the form sends unless a test says otherwise.
PLAN = {"kind": "mixed", "count": "12", "threads": "4", "healthy": "yes"}


@pytest.fixture(autouse=True)
def remove_faults(sandbox: SandboxServer) -> Any:
    yield
    sandbox.faults.remove_all()


def fire(visitor: Visitor, **fields: str) -> BeautifulSoup:
    """Fire and wait for the end; the lab's page."""
    visitor.follow(visitor.post(f"{LAB}/fire", **{**PLAN, **fields}))
    until(lambda: not visitor.page(LAB).select("[data-watch]"), within=60)
    return visitor.page(LAB)


def figure(page: BeautifulSoup, name: str) -> str:
    term = next(term for term in page.select(".lab-stats dt") if term.get_text(strip=True) == name)
    value = term.find_next_sibling("dd")
    assert value is not None
    return value.get_text(strip=True)


def rows(page: BeautifulSoup) -> list[Tag]:
    return page.select("#lab tbody tr")


def flip(visitor: Visitor, toggle: str, **strength: str) -> BeautifulSoup:
    fields = {"probability": "100", "applies_to": "everything", **strength}
    return visitor.follow(visitor.post(f"{LAB}/switch", toggle=toggle, **fields))


def test_every_kind_of_fault_has_a_switch(visitor: Visitor, sandbox: SandboxServer) -> None:
    assert {switch.kind for _, switches in GROUPS for switch in switches} == set(KINDS)
    port = sandbox.ports[0]
    for _, switches in GROUPS:
        for switch in switches:
            page = flip(visitor, f"{port}:{switch.name}", probability="50", seconds="0.5", per_second="3")
            button = page.find("button", attrs={"value": f"{port}:{switch.name}"})
            assert isinstance(button, Tag)
            assert button["aria-pressed"] == "true", page.select("main > .notice")
            fault = sandbox.faults.active()[-1]
            assert (fault.kind, fault.endpoint) == (switch.kind, port)
            assert fault.probability == (1 if switch.kind == "refuse" else 0.5)
            sandbox.faults.remove_all()
    flip(visitor, f"{port}:html")
    flip(visitor, f"{port}:html")
    assert sandbox.faults.active() == []


def test_a_switch_takes_its_strength_and_keeps_what_was_typed(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    port = sandbox.ports[1]
    page = flip(visitor, f"{port}:status-503", probability="25", count="7", applies_to="reads")
    fault = sandbox.faults.active()[0]
    assert (fault.probability, fault.count, fault.methods, fault.status) == (0.25, 7, ("GET",), 503)
    assert "503, 25 % of requests, GET only, 7 times" in " ".join(
        page.select(".fault-list")[1].get_text().split()
    )
    typed = page.find(id="probability")
    assert typed is not None
    assert typed["value"] == "25"
    page = flip(visitor, f"{port}:slow", probability="250")
    assert "No fault was changed. Probability:" in page.get_text()
    assert len(sandbox.faults.active()) == 1
    for wrong in (f"{port}:nope", "1:slow", "x", "²:slow", ""):
        assert "The sandbox rejected it" in flip(visitor, wrong).get_text()


def test_what_the_sandbox_refuses_is_said(visitor: Visitor, sandbox: SandboxServer) -> None:
    flip(visitor, f"{sandbox.ports[0]}:refuse")
    page = visitor.page(LAB)
    assert "closed" in page.select(".box .panel-head")[0].get_text()
    page = flip(visitor, f"{sandbox.ports[1]}:refuse")
    assert "no port would be left" in page.get_text()
    page = flip(visitor, "remove")
    assert "Faults removed: 1" in page.get_text()
    assert "healthy" in page.select(".box .panel-head")[0].get_text()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_switches_and_says_what_to_expect(
    visitor: Visitor, sandbox: SandboxServer, scenario: Any
) -> None:
    flip(visitor, f"{sandbox.ports[0]}:slow")
    page = flip(visitor, f"scenario:{scenario.name}")
    assert scenario.expect[1:] in page.get_text()
    assert [fault.kind for fault in sandbox.faults.active()] == [kind for _, kind, _ in scenario.faults]


def test_calls_are_fired_counted_and_drawn(visitor: Visitor, sandbox: SandboxServer) -> None:
    before = {rental.uuid for rental in sandbox.world.active()}
    page = fire(visitor)
    assert figure(page, "Calls") == "12"
    assert figure(page, "Attempts") == figure(page, "Received") == "12"
    assert figure(page, "Creates") == "4"
    assert figure(page, "Changes carried out twice") == "0"
    assert len(rows(page)) == 12
    assert [row.get_text() for row in rows(page)].count("carried out") == 0
    assert sum("carried out once" in row.get_text() for row in rows(page)) == 4
    marks = page.select("svg.failover .attempt")
    assert len(marks) == 12
    assert all(0 <= float(str(mark["x"]).rstrip("%")) <= 100 for mark in marks)
    assert {rental.uuid for rental in sandbox.world.active()} == before, "what it rented is stopped again"


def test_lost_answers_are_never_sent_twice_and_the_page_tells(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    before = {rental.uuid for rental in sandbox.world.active()}
    sandbox.faults.add("drop_after_read", methods=["POST"], path="/services/mr")
    page = fire(visitor, kind="creates", count="6", threads="3")
    assert figure(page, "Changes carried out twice") == "0"
    assert len(rows(page)) == 6
    for row in rows(page):
        text = " ".join(row.get_text().split())
        assert "ConnectionError" in text
        assert "outcome unknown" in text
        assert "carried out once" in text
    carried = [entry for entry in sandbox.journal.entries() if entry.path == "/services/mr" and entry.change]
    assert len(carried) == 6
    assert all(entry.carried_out for entry in carried)
    assert {rental.uuid for rental in sandbox.world.active()} == before, "also what it did not know of"


def test_a_run_whose_worker_was_killed_does_not_say_what_it_cannot_know(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire(visitor, kind="creates", count="3")
    assert not visitor.page(LAB).select("#left-to-reaper")
    find = JobStore.latest

    def killed(jobs: JobStore, kind: str, count: int = 5) -> list[Job]:
        """Before the journal was read again, and before anything was stopped."""
        kept = {"stats": {}, "seconds": 1.0, "phase": "sending calls", "journal": {"carried": {"1": 1}}}
        return [replace(one, ended=None, alive=False, state=kept) for one in find(jobs, kind, count)]

    monkeypatch.setattr(JobStore, "latest", killed)
    page = visitor.page(LAB)
    assert [row.select("td, th")[-1].get_text(strip=True) for row in rows(page)] == [
        "carried out once",
        "unknown",
        "unknown",
    ]
    assert "at least 1 carried out" in text_of(page)
    (warning,) = page.select("#left-to-reaper")
    assert "What this run has rented may still be running" in text_of(warning)


def test_a_dead_endpoint_is_failed_over_and_left_alone(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    page = fire(visitor, kind="reads", count="20", threads="4")
    assert "20 succeeded, 0 failed" in page.get_text()
    assert page.select("svg.failover .cooldown")
    assert page.select("svg.failover .verdict-failover")
    attempts = [" ".join(row.select(".attempt-list")[0].get_text(" ").split()) for row in rows(page)]
    failed_over = r"A — connection error failover cooling down, 3 s B (new|reused) 200 returned"
    assert any(re.fullmatch(failed_over, shown) for shown in attempts)
    at_once = [shown for shown in attempts if re.fullmatch(r"B (new|reused) 200 returned", shown)]
    assert len(at_once) > 10
    assert "B reused 200 returned" in at_once


def number_of(page: BeautifulSoup, name: str) -> int:
    """How many retries or failovers the run had, as its figures say."""
    note = next(note.get_text() for note in page.select(".lab-stats .stat-note") if name in note.get_text())
    found = re.search(rf"(\d+) {name}", note)
    assert found is not None, note
    return int(found[1])


@pytest.mark.parametrize("kind", ["mixed", "reads", "creates"])
def test_each_run_begins_with_all_endpoints_healthy(
    visitor: Visitor, sandbox: SandboxServer, kind: str
) -> None:
    flip(visitor, "scenario:dead")
    for run in range(6 if kind == "mixed" else 2):
        page = fire(visitor, kind=kind, count="6", threads="2")
        failovers = number_of(page, "failover")
        assert failovers > 0, run
        # A refused attempt does not arrive; all others do.
        assert int(figure(page, "Attempts")) == int(figure(page, "Received")) + failovers
        assert len(page.select("svg.failover .verdict-failover")) == failovers
        assert figure(page, "Changes carried out twice") == "0"
        assert "all endpoints were healthy at the start" in text_of(page.select("#lab-start")[0])


def test_a_run_with_the_present_health_says_which_endpoints_are_cooling_down(
    visitor: Visitor, app: Flask, sandbox: SandboxServer
) -> None:
    page = fire(visitor, kind="reads", count="2", threads="1", healthy="no")
    assert "no endpoint was cooling down" in text_of(page.select("#lab-start")[0])
    flip(visitor, "scenario:dead")
    for _ in range(2):  # both endpoints have their turn
        visitor.page("/playground/network?_fresh=1")
    page = fire(visitor, kind="reads", count="4", threads="2", healthy="no")
    start = text_of(page.select("#lab-start")[0])
    assert re.search(r"A cooling down, \d+", start), start
    assert "B cooling down" not in start
    assert str(os.getpid()) in start, "health is kept in each worker"
    assert number_of(page, "failover") == 0
    assert page.select("svg.failover .cooldown")
    page = fire(visitor, kind="reads", count="4", threads="2")
    assert number_of(page, "failover") > 0, "and a healthy start does not read that health"


def test_the_machine_to_rent_is_read_without_using_up_a_fault(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    fault = sandbox.faults.add("status", status=503, endpoint=sandbox.ports[0], methods=["GET"], count=1)
    fire(visitor, kind="creates", count="2", threads="1")
    listed = [
        entry for entry in sandbox.journal.entries() if entry.path == "/services/mr" and not entry.change
    ]
    assert [entry.endpoint for entry in listed] == [sandbox.ports[1]]
    assert fault.kind == "status"


def test_no_connection_of_a_run_stays_open(visitor: Visitor, sandbox: SandboxServer) -> None:
    def connections() -> list[int]:
        with SandboxControl(sandbox.urls) as control:
            return [endpoint["connections"] for endpoint in control.health()["endpoints"]]

    before = connections()
    fire(visitor, count="12", threads="4")
    until(lambda: connections() == before, within=10)


def test_what_a_run_rents_is_in_the_ledger(visitor: Visitor, app: Flask, sandbox: SandboxServer) -> None:
    fire(visitor, kind="mixed", count="6", threads="2")
    backend = app.extensions["playground"].rental_ledger.backend
    assert backend.open_rentals() == []
    closed = backend.closed_rentals()
    assert [(one.name, one.outcome) for one in closed] == [("failover lab", "stopped")] * 2
    assert all(one.deadline is not None for one in closed)


def test_without_a_ledger_a_run_rents_nothing_and_says_why(
    visitor: Visitor, process: ProcessSettings, sandbox: SandboxServer
) -> None:
    (process.state_dir / "rentals.db").mkdir()
    page = fire(visitor, kind="creates", count="12", threads="2")
    said = text_of(page.select("#lab .problem-message")[0])
    assert said.startswith("The run has ended: ")
    assert "rental ledger" in said
    assert not [entry for entry in sandbox.journal.entries() if entry.change]


def test_the_plan_of_a_run_is_in_its_address(visitor: Visitor, sandbox: SandboxServer) -> None:
    answer = visitor.post(f"{LAB}/fire", kind="reads", count="3", threads="2")
    query = parse_qs(urlsplit(str(answer.headers["Location"])).query)
    names = ("kind", "calls", "threads", "healthy")
    assert [query[name] for name in names] == [["reads"], ["3"], ["2"], ["no"]]
    until(lambda: not visitor.page(LAB).select("[data-watch]"), within=60)

    def shown(address: str) -> tuple[Any, ...]:
        page = visitor.page(address)
        kind = page.select_one("#fire-kind [selected]")
        assert kind is not None
        numbers = [page.select(f"#fire-{name}")[0]["value"] for name in ("count", "threads")]
        return (kind["value"], *numbers, page.select("#fire-healthy")[0].has_attr("checked"))

    address = f"{LAB}?kind=creates&calls=7&threads=3&healthy=no"
    assert shown(address) == ("creates", "7", "3", False)
    assert shown(f"{LAB}?kind=all&calls=9999&threads=x&healthy=7") == ("reads", "3", "2", False)
    assert visitor.page(address).select("#count")[0]["value"] == "", "the limit of a fault is another number"
    assert shown(f"{LAB}?healthy=yes") == ("reads", "3", "2", True)
    given = {
        field["name"]: field["value"] for field in visitor.page(address).select(".switches [type=hidden]")
    }
    kept = {name: str(given[name]) for name in names}
    after = visitor.post(f"{LAB}/switch", toggle=f"{sandbox.ports[0]}:slow", **kept)
    assert shown(str(after.headers["Location"])) == ("creates", "7", "3", False)
    after = visitor.post(f"{LAB}/switch", toggle="scenario:dead", **kept)
    assert shown(str(after.headers["Location"])) == ("creates", "7", "3", True), (
        "a scenario is seen from its start"
    )


def test_waits_of_retries_are_shown(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=503, count=3)
    page = fire(visitor, kind="reads", count="4", threads="2")
    assert figure(page, "Attempts") == "7"
    assert len(page.select("svg.failover .wait")) == 3
    assert len(page.select(".verdict-text-retry")) == 3


def test_the_calls_are_in_the_request_log(visitor: Visitor, sandbox: SandboxServer) -> None:
    fire(visitor, kind="reads", count="5", threads="2")
    logged = visitor.page("/playground/requests").select("#main .calls tbody tr")
    assert len(logged) == 5
    assert len(sandbox.journal.entries()) == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"count": "201"}, {"count": "0"}, {"count": ""}, {"threads": "17"}, {"threads": "-1"},
        {"kind": "everything"},
    ],
)  # fmt: skip
def test_limits_are_kept(visitor: Visitor, sandbox: SandboxServer, fields: dict[str, str]) -> None:
    answer = visitor.post(f"{LAB}/fire", **{"kind": "reads", "count": "5", "threads": "2", **fields})
    assert "Nothing was sent." in visitor.follow(answer).get_text()
    assert sandbox.journal.entries() == []


def test_one_run_at_a_time_seen_and_stopped_by_its_browser_alone(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    fault = sandbox.faults.add("slow", seconds=0.5)
    page = visitor.follow(visitor.post(f"{LAB}/fire", kind="reads", count="200", threads="2"))
    watched = str(page.select("#lab")[0]["data-watch"])
    refused = visitor.follow(visitor.post(f"{LAB}/fire", kind="reads", count="5", threads="2"))
    assert "already in progress in this browser" in refused.get_text()
    other = Visitor(app)
    assert other.get(watched).status_code == 404
    other.post(f"{watched}/cancel")
    visitor.follow(visitor.post(f"{watched}/cancel"))
    sandbox.faults.remove_fault(fault.id)
    until(lambda: not visitor.page(LAB).select("[data-watch]"), within=20)
    assert "cancelled" in visitor.page(LAB).get_text()
    assert len(sandbox.journal.entries()) < 100


def test_outside_the_sandbox_there_is_no_lab(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/source", kind="custom", base_urls="\n".join(sandbox.urls))
    sandbox.journal.clear()  # of the test of the endpoints
    page = visitor.page(LAB)
    assert page.select('main a[href="/playground/settings"]')
    assert not page.select("main form")
    for path in ("fire", "switch"):
        answer = visitor.post(f"{LAB}/{path}", kind="reads", count="5", threads="2", toggle="remove")
        assert answer.status_code == 403
    assert sandbox.journal.entries() == []


def test_a_sandbox_that_does_not_answer_is_said(visitor: Visitor, app: Flask, sandbox: SandboxServer) -> None:
    process = app.extensions["playground"].process
    object.__setattr__(process, "sandbox_urls", ("http://127.0.0.1:9",))
    assert "does not answer" in visitor.page(LAB).get_text()
    assert "does not answer" in flip(visitor, "remove").get_text()
    page = fire(visitor, kind="reads", count="2", threads="1")
    assert "does not answer" in page.get_text()


def test_a_press_sent_twice_switches_once(visitor: Visitor, sandbox: SandboxServer) -> None:
    for _ in range(2):
        visitor.post(f"{LAB}/switch", once="twice", toggle=f"{sandbox.ports[0]}:slow")
    assert len(sandbox.faults.active()) == 1
    for _ in range(2):
        visitor.post(f"{LAB}/fire", once="again", kind="reads", count="3", threads="1")
    until(lambda: not visitor.page(LAB).select("[data-watch]"), within=60)
    # By call: on a busy machine one may be sent again, because an endpoint was slow.
    calls = {entry.query for entry in sandbox.journal.entries()}
    assert len(calls) == 3


def test_marks_stand_where_their_times_are() -> None:
    call = {
        "number": 1, "lane": 2, "line": "nodes.list", "status": 200, "error": None,
        "attempts": [
            {
                "endpoint": "http://b", "start": 1.0, "elapsed": 1.0, "verdict": "retry", "wait": 2.0,
                "connection_wait": 0.5,
            },
            {
                "endpoint": "http://a", "start": 4.0, "elapsed": 0.001, "verdict": "ok", "wait": 0.0,
                "connection_wait": 0.0,
            },
        ],
    }  # fmt: skip
    cooldown = {"url": "http://a", "from": 2.0, "to": 5.0}
    picture = draw([call], [cooldown], ["http://a", "http://b"], 4, 10.0)
    (_, (first, second)) = picture.calls[0]
    assert (first.span.x, first.span.width) == (10.0, 10.0)
    assert first.span.y > picture.band > second.span.y
    assert first.queue is not None
    assert (first.queue.x, first.queue.width) == (10.0, 5.0)
    assert second.queue is None
    assert first.wait is not None
    assert (first.wait.x, first.wait.width) == (20.0, 20.0)
    assert first.jump is not None
    assert first.jump[0] == 40.0
    assert second.span.width > 0.3, "a quick one is still seen"
    assert second.jump is None
    assert (picture.cooldowns[0].x, picture.cooldowns[0].width, picture.cooldowns[0].y) == (20.0, 30.0, 0.0)
