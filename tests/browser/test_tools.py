"""The method runner, the smoke suite and the failover lab, as they work with scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from octaspace.sandbox import SandboxServer

from .acting import changes, exported
from .watching import Watcher

RUNNER = "/playground/diagnostics/runner"


def run_button(page: Page) -> Locator:
    return page.locator("#runner form").get_by_role("button", name="Run").locator("visible=true").first


@pytest.fixture
def stays(page: Page) -> Any:
    """Whether the page has not been reloaded since its mark was set."""

    def mark() -> None:
        page.evaluate("window.same = true")

    yield mark
    assert page.evaluate("window.same")


def test_a_method_runs_in_place(page: Page, sandbox: SandboxServer, stays: Any, watcher: Watcher) -> None:
    page.goto(f"{RUNNER}?method=nodes.find")
    stays()
    assert sandbox.journal.entries() == [], "opening runs nothing"
    with watcher.expecting("HTTP 422: POST .*/runner/run"):
        run_button(page).click()
        expect(page.locator("#arg-id-error")).to_be_visible()
    page.locator("#arg-id").fill(str(sandbox.world.nodes()[0]["id"]))
    run_button(page).click()
    expect(page.locator("#run")).to_contain_text("HTTP 200")
    expect(page.locator("#run")).to_contain_text("Authorization: ••••")
    expect(page.locator("#raw-run-text")).to_contain_text('"id"')
    assert [entry.path for entry in sandbox.journal.entries()] == ["/nodes/9001"]
    # The URL can be shared: it has method and argument, and opening it runs nothing.
    assert "method=nodes.find" in page.url
    assert "9001" in page.url
    page.context.new_page().goto(page.url)
    assert len(sandbox.journal.entries()) == 1


def test_a_change_asks_before_it_is_sent(page: Page, sandbox: SandboxServer, stays: Any) -> None:
    page.goto(f"{RUNNER}?method=nodes.reboot")
    stays()
    page.locator("#arg-id").fill(str(sandbox.world.nodes()[0]["id"]))
    run_button(page).click()
    asking = page.locator(".confirm-change")
    expect(asking).to_contain_text("this GET makes a change")
    assert changes(sandbox) == []
    asking.get_by_role("button", name="Send the change").dblclick()
    expect(page.locator("#run")).to_contain_text("HTTP 200")
    assert [entry.operation for entry in changes(sandbox)] == ["reboot_node"]


def test_a_read_is_cancelled(page: Page, sandbox: SandboxServer) -> None:
    sandbox.faults.add("stall", path="/apps")
    page.goto(f"{RUNNER}?method=apps.list")
    run_button(page).click()
    page.locator("#run").get_by_role("button", name="Cancel").click()
    expect(page.locator("#run")).to_contain_text("cancelling")
    sandbox.faults.remove_all()
    expect(page.locator("#run")).to_contain_text("cancelled")


def test_smoke_suite_runs_and_exports(page: Page, sandbox: SandboxServer, stays: Any) -> None:
    page.goto("/playground/diagnostics/smoke")
    stays()
    page.get_by_role("button", name="Start the suite").click()
    expect(page.locator("#suite h2")).to_have_text("Last run", timeout=30_000)
    expect(page.locator("#live-region")).to_contain_text("0 failed")
    with page.expect_download() as download:
        page.locator("#suite").get_by_role("link", name="JSON").click()
    report = json.loads(download.value.path().read_text())
    assert report["failed"] == 0
    assert report["passed"] == page.locator("[data-table=suite] .badge-state", has_text="passed").count()
    assert changes(sandbox) == []


def test_smoke_suite_reports_failures(page: Page, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/apps")
    page.goto("/playground/diagnostics/smoke")
    page.get_by_role("button", name="Start the suite").click()
    expect(page.locator("#suite h2")).to_have_text("Last run", timeout=30_000)
    expect(page.locator("[data-table=suite] tr.failed").first).to_contain_text("apps.list")


def test_the_lab_shows_what_the_journal_says(page: Page, sandbox: SandboxServer, stays: Any) -> None:
    page.goto("/playground/diagnostics/lab")
    stays()
    # Both still answer most calls: otherwise chance and cooldowns can leave no creation that is carried out.
    page.get_by_label("Probability").fill("30")
    switch = page.get_by_role("group", name="Answers with: A").get_by_role("button", name="503")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    group = page.get_by_role("group", name="Dropped connections: B")
    dropped = group.get_by_role("button", name="drop after reading")
    dropped.click()
    expect(dropped).to_have_attribute("aria-pressed", "true")
    sandbox.journal.clear()
    page.get_by_role("button", name="Send calls", exact=True).click()
    finished = page.locator("#lab").get_by_text("finished", exact=True)
    expect(finished).to_be_visible(timeout=30_000)

    rows = page.locator("[data-table=lab] tbody tr")
    expect(rows).to_have_count(50)
    attempts = rows.locator(".attempt-list li").count()
    assert figure(page, "Attempts") == figure(page, "Received") == attempts > 50
    # In addition to the calls of the run, the lab looks for offers before it and stops what it rented after
    # it.
    created = [entry for entry in sandbox.journal.entries() if entry.operation == "rent_machines"]
    assert figure(page, "Creates") == len(rows.get_by_text("services.mr.create").all()) == len(created)
    carried_out = sum(entry.carried_out for entry in created)
    assert rows.get_by_text("carried out once").count() == carried_out > 0
    assert figure(page, "Changes carried out twice") == 0
    assert sandbox.journal.summary()["repeated"] == []

    page.get_by_role("button", name="Clear all faults").click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    assert sandbox.faults.active() == []


def figure(page: Page, name: str) -> int:
    """A figure of the lab."""
    stat = page.locator(".lab-stats .stat", has=page.get_by_text(name, exact=True))
    return int(stat.locator("dd").first.inner_text())


def test_reads_from_diagnostics_are_in_the_log(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/diagnostics")
    page.get_by_label("Number of calls").fill("7")
    page.get_by_role("button", name="Run calls").click()
    expect(page.locator("main > .notice")).to_contain_text("7 calls")
    assert len(exported(page)) == 7
