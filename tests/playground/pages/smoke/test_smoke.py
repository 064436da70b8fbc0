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
from ...browsing import Visitor

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
    assert skipped["nodes.find"] == "the lists name nothing to try it with"
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
    assert "under way in this browser" in refused.get_text()
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
