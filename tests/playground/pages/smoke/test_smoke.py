"""The smoke suite: all reads, progress from any worker, changes in the sandbox alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.jobs.smoke_steps import plan
from playground.sdk.methods import all_methods

from ....support.waiting import until
from ...browsing import Visitor, text_of

SMOKE = "/playground/diagnostics/smoke"


def suite(visitor: Visitor, **fields: str) -> BeautifulSoup:
    """Run the suite to its end; its page."""
    page = visitor.follow(visitor.post(SMOKE, **fields))
    until(lambda: not visitor.page(SMOKE).select("[data-watch]"), within=60)
    assert page.select("#suite")
    return visitor.page(SMOKE)


def report(visitor: Visitor, page: BeautifulSoup) -> dict[str, Any]:
    link = page.select("#suite a[download]")[0]
    answer = visitor.get(str(link["href"]))
    assert "attachment" in answer.headers["Content-Disposition"]
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_every_read_is_called_and_every_change_has_its_place() -> None:
    reads = {method.name for method in all_methods() if not method.change}
    assert set(plan(changes=False)) == reads
    assert set(plan(changes=True)) == {method.name for method in all_methods()}


def test_all_reads_pass_and_nothing_is_changed(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = suite(visitor)
    found = report(visitor, page)
    assert [call for call in found["calls"] if call["state"] != "passed"] == []
    assert (found["passed"], found["failed"], found["skipped"]) == (len(plan(changes=False)), 0, 0)
    assert found["finished"]
    assert not [entry for entry in sandbox.journal.entries() if entry.change]
    rows = page.select("#suite tbody tr")
    assert len(rows) == found["passed"]
    assert rows[0].select("th a"), "each call leads to the request log"


@pytest.mark.parametrize("dataset", ["hostile", "loose"])
def test_other_worlds_are_read_as_well(visitor: Visitor, sandbox: SandboxServer, dataset: str) -> None:
    sandbox.reset(dataset=dataset)
    page = suite(visitor)
    found = report(visitor, page)
    assert [call for call in found["calls"] if call["state"] == "failed"] == []
    assert "\u202e" not in str(page)


def test_an_empty_account_skips_with_a_reason(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    found = report(visitor, suite(visitor))
    skipped = {call["method"]: call["message"] for call in found["calls"] if call["state"] == "skipped"}
    assert found["failed"] == 0
    assert skipped["nodes.find"] == "needs an id, and the lists contain none"
    assert "idle_jobs.find" in skipped


def test_changes_are_made_when_wanted_and_what_is_rented_is_stopped(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.reset(ready_after=0)
    before = {rental.uuid for rental in sandbox.world.active()}
    found = report(visitor, suite(visitor, changes="yes"))
    assert [call for call in found["calls"] if call["state"] != "passed"] == []
    assert {rental.uuid for rental in sandbox.world.active()} == before
    assert sandbox.journal.summary()["changes"] > 10
    ledger = app.extensions["playground"].rental_ledger
    assert ledger.backend.open_rentals() == []
    closed = ledger.backend.closed_rentals()
    assert {one.service for one in closed} == {"mr", "vpn", "render"}
    assert {(one.name, one.outcome) for one in closed} == {("smoke suite", "stopped")}
    assert all(one.deadline is not None for one in closed)
    sandbox.reset(ready_after=4)


def test_outside_the_sandbox_nothing_is_changed_whatever_the_form_says(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post(
        "/playground/settings/source", kind="custom", base_urls="\n".join(sandbox.urls), api_key="a-key"
    )
    page = visitor.page(SMOKE)
    assert page.find(id="changes") is None
    found = report(visitor, suite(visitor, changes="yes"))
    assert not found["with_changes"]
    assert sandbox.journal.summary()["changes"] == 0


def test_a_failure_is_told_with_its_error(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=403, path="/apps")
    page = suite(visitor)
    failed = [call for call in report(visitor, page)["calls"] if call["state"] == "failed"]
    assert [call["method"] for call in failed] == ["apps.list"]
    assert failed[0]["message"].startswith("PermissionError: GET /apps: 403")
    assert failed[0]["request_id"]
    assert len(page.select("#suite tr.failed")) == 1


def test_it_is_seen_cancelled_and_owned_by_its_browser_alone(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0", read_timeout="20", total_timeout="20")
    fault = sandbox.faults.add("stall", path="/sessions")
    page = visitor.follow(visitor.post(SMOKE))
    watched = str(page.select("#suite")[0]["data-watch"])
    until(lambda: "client.nodes.list()" in visitor.get(watched).get_data(as_text=True), within=20)
    assert "pending" in visitor.get(watched).get_data(as_text=True)
    refused = visitor.follow(visitor.post(SMOKE))
    assert "already in progress in this browser" in refused.get_text()
    other = Visitor(app)
    assert other.get(watched).status_code == 404
    assert other.post(f"{watched}/cancel").status_code == 404
    visitor.follow(visitor.post(f"{watched}/cancel"))
    sandbox.faults.remove_fault(fault.id)
    until(lambda: "data-watch" not in visitor.get(watched).get_data(as_text=True), within=20)
    found = report(visitor, visitor.page(SMOKE))
    assert not found["finished"]
    assert found["skipped"] > 15
    assert len(sandbox.journal.entries()) < 6


def test_a_second_press_begins_no_second_run(visitor: Visitor, sandbox: SandboxServer) -> None:
    answers = [visitor.post(SMOKE, once="twice") for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    until(lambda: not visitor.page(SMOKE).select("[data-watch]"), within=60)
    assert not visitor.page(SMOKE).find(id="earlier-title")


def again(visitor: Visitor, page: BeautifulSoup, **fields: str) -> BeautifulSoup:
    """Press "Run the failed again" and wait for the end; the page."""
    (form,) = page.select("#suite form[action$=again]")
    answer = visitor.post(str(form["action"]), **fields)
    visitor.follow(answer)
    until(lambda: not visitor.page(SMOKE).select("[data-watch]"), within=60)
    return visitor.page(SMOKE)


def compared(page: BeautifulSoup) -> dict[str, str]:
    rows = page.select(".suite-compared > div")
    return {row.select("dt")[0].get_text(): text_of(row.select("dd")[0]) for row in rows}


def test_failures_are_first_and_have_the_whole_width(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=403, path="/services/vpn")
    page = suite(visitor)
    failures = page.select(".failures > .failure")
    assert len(failures) == 2, "vpn.list and vpn.search"
    assert "client.services.vpn.list()" in text_of(failures[0])
    assert "PermissionError: GET /services/vpn: 403" in text_of(failures[0].select(".failure-message")[0])
    host = sandbox.urls[0].partition("://")[2].partition(":")[0]
    assert host in text_of(failures[0])
    whole = str(page)
    assert whole.index('class="failures"') < whole.index('data-table="suite"')
    rows = page.select("#suite tbody tr")
    assert [row.get("class") for row in rows[:3]] == [["failed"], ["failed"], None]
    assert not page.select("td[data-label=Message]"), "no narrow column for errors"
    endpoints = {text_of(row.select("td[data-label=Endpoint]")[0]) for row in rows}
    assert endpoints == {url.partition("://")[2] for url in sandbox.urls}


def test_only_the_failed_calls_run_again(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=403, path="/nodes/9001")
    sandbox.faults.add("status", status=403, path="/apps")
    page = suite(visitor)
    before = {item["step"]: item for item in report(visitor, page)["calls"]}
    sandbox.faults.remove_all()
    sandbox.faults.add("status", status=404, path="/apps")
    sandbox.journal.clear()
    page = again(visitor, page)
    assert {entry.path for entry in sandbox.journal.entries()} == {"/nodes/9001", "/apps"}
    found = report(visitor, page)
    assert [(call["step"], call["state"]) for call in found["calls"]] == [
        ("apps.list", "failed"), ("nodes.find", "passed"),
    ]  # fmt: skip
    assert found["calls"][1]["arguments"] == before["nodes.find"]["arguments"] == {"id": 9001}
    assert found["only_failed_of"]
    assert (found["compared"]["fixed"], found["compared"]["still_failed"]) == (["nodes.find"], ["apps.list"])
    told = compared(page)
    assert (told["Newly failed"], told["Still failing"]) == ("0", "1")
    assert told["Fixed"] == "1: nodes.find"
    assert "2 calls" in told["Duration"]
    assert "still failing" in text_of(page.select(".failure")[0])
    sandbox.faults.remove_all()
    assert report(visitor, again(visitor, page))["passed"] == 1, "that of the second run"


def test_a_run_is_compared_with_the_last_whole_one(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    assert not compared(suite(visitor)), "the first has none"
    told = compared(suite(visitor))
    assert told["Results"] == "no call failed in either run"
    reads = len(plan(changes=False))
    assert told["Duration"].endswith(f"for the {reads} calls of both runs")
    sandbox.faults.add("status", status=403, path="/apps")
    page = suite(visitor)
    assert (compared(page)["Newly failed"], compared(page)["Fixed"]) == ("1", "0")
    assert "newly failed" in text_of(page.select(".failure")[0])
    sandbox.faults.remove_all()
    again(visitor, page)
    page = suite(visitor)
    assert compared(page)["Fixed"] == "1: apps.list", "not compared with the run of the failed calls"
    assert not compared(suite(Visitor(app))), "the runs of another browser are not used"


def test_a_failed_change_runs_again_with_what_it_needs(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(ready_after=0)
    before = {rental.uuid for rental in sandbox.world.active()}
    fault = sandbox.faults.add("status", status=422, path="/services/render", methods=["POST"])
    page = suite(visitor, changes="yes")
    failed = [call["step"] for call in report(visitor, page)["calls"] if call["state"] == "failed"]
    assert "services.render.create" in failed
    sandbox.faults.remove_fault(fault.id)
    found = report(visitor, again(visitor, page))
    changes = [call["method"] for call in found["calls"] if call["change"]]
    assert changes == ["services.render.create", "services.session.stop", "services.render.rent"]
    assert found["failed"] == 0
    assert {rental.uuid for rental in sandbox.world.active()} == before
    sandbox.reset(ready_after=4)


def test_nothing_runs_again_at_another_api_or_without_a_failure(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("status", status=403, path="/apps")
    page = suite(visitor)
    (form,) = page.select("#suite form[action$=again]")
    visitor.post("/playground/settings/source", kind="custom", base_urls=sandbox.urls[0], api_key="a-key")
    sandbox.journal.clear()
    refused = visitor.follow(visitor.post(str(form["action"])))
    assert "Nothing was sent" in text_of(refused.select("main > .notice")[0])
    assert sandbox.journal.entries() == []
    visitor.post("/playground/settings/source", kind="sandbox")
    sandbox.faults.remove_all()
    page = suite(visitor)
    assert not page.select("#suite form[action$=again]")
    address = str(page.select("#suite a[download]")[0]["href"]).replace("report.json", "again")
    sandbox.journal.clear()
    assert "no call of that run failed" in text_of(visitor.follow(visitor.post(address)))
    assert sandbox.journal.entries() == []


def test_a_second_press_runs_the_failed_once(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=403, path="/apps")
    page = suite(visitor)
    sandbox.journal.clear()
    again(visitor, page, once="pressed-twice")
    again(visitor, page, once="pressed-twice")
    assert len(sandbox.journal.entries()) == 1
