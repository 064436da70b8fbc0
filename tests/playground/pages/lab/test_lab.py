"""The failover lab: switches reach the sandbox, calls are bounded, the journal has the last word."""

from __future__ import annotations

import re
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.faults.kinds import KINDS
from playground.pages.lab.faults import GROUPS, SCENARIOS
from playground.pages.lab.timeline import draw

from ....support.waiting import until
from ...browsing import Visitor

LAB = "/playground/diagnostics/lab"


@pytest.fixture(autouse=True)
def remove_faults(sandbox: SandboxServer) -> Any:
    yield
    sandbox.faults.remove_all()


def fire(visitor: Visitor, **fields: str) -> BeautifulSoup:
    """Fire and wait for the end; the lab's page."""
    visitor.follow(visitor.post(f"{LAB}/fire", **{"kind": "mixed", "count": "12", "threads": "4", **fields}))
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
    assert "Nothing was switched. Probability:" in page.get_text()
    assert len(sandbox.faults.active()) == 1
    for wrong in (f"{port}:nope", "1:slow", "x", "²:slow", ""):
        assert "The sandbox refuses it" in flip(visitor, wrong).get_text()


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


def test_a_dead_endpoint_is_failed_over_and_left_alone(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    page = fire(visitor, kind="reads", count="20", threads="4")
    assert "20 succeeded, 0 failed" in page.get_text()
    assert page.select("svg.failover .cooldown")
    assert page.select("svg.failover .verdict-failover")
    attempts = [" ".join(row.select(".attempt-list")[0].get_text(" ").split()) for row in rows(page)]
    failed_over = r"A — connection error failover cooldown 3 s B (new|reused) 200 ok"
    assert any(re.fullmatch(failed_over, shown) for shown in attempts)
    at_once = [shown for shown in attempts if re.fullmatch(r"B (new|reused) 200 ok", shown)]
    assert len(at_once) > 10
    assert "B reused 200 ok" in at_once


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
    assert "Nothing was fired." in visitor.follow(answer).get_text()
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
