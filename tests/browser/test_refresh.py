"""Automatic refresh of panels: nothing moves, input is not disturbed, and requests are limited."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from octaspace.sandbox import ManualClock, SandboxServer

from ..support.running_playground import RunningPlayground
from ..support.waiting import until
from .acting import open_order
from .held_requests import HeldRequests
from .interception import intercept
from .places import open_place, place_of
from .watching import Watcher

Count = Callable[[], int]

DIAGNOSTICS = "/playground/diagnostics"


@pytest.fixture
def stopped(page: Page) -> Page:
    """A page whose clock is advanced by the test."""
    page.clock.install()
    return page


@pytest.fixture
def refreshes(page: Page) -> Count:
    """Number of requests for a panel."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "fetch" and request.method == "GET":
            seen.append(request.url)

    page.on("request", note)
    return lambda: len(seen)


def pass_time(page: Page, seconds: int) -> None:
    """Advance the page's clock in steps, so that handlers of responses run in between."""
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.wait_for_timeout(15)


def test_nothing_moves(stopped: Page, refreshes: Count, sandbox: SandboxServer) -> None:
    """On the page of a session, whose panel is refreshed while the user does something."""
    open_place(stopped, place_of("session"), sandbox)
    stopped.locator("#drawer summary").click()
    raw = stopped.locator("#panel-info details.raw")
    raw.locator("summary").click()
    find = raw.get_by_label("Find in the JSON")
    find.fill("node")
    find.evaluate("e => e.setSelectionRange(1, 3)")
    stopped.evaluate("scrollTo(0, 300)")
    before = stopped.evaluate("[scrollY, document.body.offsetHeight]")
    asked = refreshes()
    pass_time(stopped, 34)
    until(lambda: stopped.wait_for_timeout(20) or refreshes() >= asked + 2)
    assert stopped.evaluate("[scrollY, document.body.offsetHeight]") == before
    expect(find).to_be_focused()
    expect(find).to_have_value("node")
    assert find.evaluate("e => [e.selectionStart, e.selectionEnd]") == [1, 3]
    assert raw.evaluate("e => e.open")
    assert stopped.locator("#drawer").evaluate("e => e.open")


def test_diagnostics_are_refreshed_in_place(
    stopped: Page, refreshes: Count, running: RunningPlayground
) -> None:
    # A worker that has not served it yet would add its row, and take longer than the others.
    running.warm_up(DIAGNOSTICS)
    workers = stopped.locator("#live th[data-label=Worker]")
    until(lambda: stopped.goto(DIAGNOSTICS) and workers.count() == running.workers)
    count = stopped.get_by_label("Number of calls")
    count.fill("33")
    stopped.evaluate("scrollTo(0, document.body.scrollHeight)")
    before = stopped.evaluate("scrollY")
    pass_time(stopped, 11)
    until(lambda: stopped.wait_for_timeout(20) or refreshes() >= 2)
    assert refreshes() == 2
    expect(count).to_be_focused()
    expect(count).to_have_value("33")
    assert stopped.evaluate("scrollY") == before
    expect(stopped.locator("[data-refresh-age=live]")).to_contain_text("old")


def test_hidden_page_does_not_refresh(stopped: Page, refreshes: Count) -> None:
    # Not a moment passes between two steps: a refresh is due after each of them.
    stopped.clock.pause_at(time.time() + 1)
    stopped.goto(DIAGNOSTICS)
    stopped.get_by_role("button", name="Pause").click()
    pass_time(stopped, 12)
    assert refreshes() == 0
    stopped.get_by_role("button", name="Pause").click()
    stopped.keyboard.press("?")
    pass_time(stopped, 12)
    assert refreshes() == 0
    stopped.keyboard.press("Escape")
    stopped.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    pass_time(stopped, 12)
    assert refreshes() == 0
    stopped.evaluate("delete document.hidden")
    pass_time(stopped, 2)
    assert refreshes() == 1


def test_errors_slow_down_refreshes_and_are_announced_once(
    stopped: Page, refreshes: Count, watcher: Watcher
) -> None:
    stopped.goto(DIAGNOSTICS)
    intercept(stopped, "**/diagnostics/**", lambda route: route.fulfill(status=500))
    with watcher.expecting("HTTP 500"):
        pass_time(stopped, 40)
    # After 5, 10 and 20 seconds; at an even pace there would be eight.
    assert refreshes() == 3
    region = stopped.locator("#live-region")
    expect(region).to_contain_text("HTTP 500")
    expect(stopped.locator("#live")).to_have_class("is-stale")
    stopped.unroute("**/diagnostics/**")
    pass_time(stopped, 41)
    expect(region).to_contain_text("Refreshing works again")
    expect(stopped.locator("#live")).not_to_have_class("is-stale")


def test_refreshes_do_not_overlap(stopped: Page, refreshes: Count) -> None:
    stopped.goto(DIAGNOSTICS)
    held = HeldRequests(stopped, "**/diagnostics/**")
    pass_time(stopped, 30)
    stopped.get_by_role("button", name="Refresh").click()
    pass_time(stopped, 3)
    assert refreshes() == 1
    held.release_one()


def test_session_page_shows_readiness_without_reload(
    stopped: Page, refreshes: Count, sandbox: SandboxServer, clock: ManualClock
) -> None:
    open_order(stopped, int(sandbox.world.initial_state.mr[0]["node_id"]))
    stopped.get_by_role("button", name="Rent now").click()
    line = stopped.locator(".state-line")
    expect(line).not_to_contain_text("ready")
    clock.advance(5)
    pass_time(stopped, 3)
    expect(line).to_contain_text("ready")
    expect(stopped.locator("#live-region")).to_contain_text("ready")
    system = stopped.locator("[data-log=system] .log-line")
    lines = system.count()
    clock.advance(60)
    pass_time(stopped, 12)
    until(lambda: stopped.wait_for_timeout(20) or system.count() > lines)
    texts = system.all_inner_texts()
    assert len(texts) == len(set(texts))
