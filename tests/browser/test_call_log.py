"""The request log and the failover lab in a browser: automatic calls, errors after a 200, failovers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from ..support.waiting import until
from .places import open_place, place_of
from .test_refresh import pass_time

REQUESTS = "/playground/requests"
LAB = "/playground/diagnostics/lab"


def test_refreshes_of_a_script_are_hidden_until_asked_for(page: Page, sandbox: SandboxServer) -> None:
    page.clock.install()
    open_place(page, place_of("session"), sandbox)
    arrived = [entry for entry in sandbox.journal.entries() if entry.path.endswith("/info")]
    pass_time(page, 20)
    until(
        lambda: (
            page.wait_for_timeout(20)
            or len([entry for entry in sandbox.journal.entries() if entry.path.endswith("/info")])
            > len(arrived)
        )
    )
    page.goto(f"{REQUESTS}?text=info")
    rows = page.locator("[data-table=calls] tbody tr")
    expect(rows).to_have_count(len(arrived))
    expect(rows.locator(".chip")).to_have_count(0)
    expect(page.locator("#drawer .drawer-more")).to_contain_text("automatic")
    page.get_by_role("link", name="Show automatic calls").click()
    expect(rows.filter(has=page.get_by_text("refresh", exact=True)).first).to_be_visible()
    page.get_by_label("Source", exact=True).select_option("refresh")
    page.get_by_label("Time", exact=True).select_option(label="since I opened this page")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page).to_have_url(re.compile(r"[?&]source=refresh&since=opened&opened=\d"))
    expect(page.get_by_label("Source", exact=True)).to_have_value("refresh")
    expect(page.locator("#main .empty")).to_contain_text("No calls match")


def test_a_200_that_the_sdk_refused_is_red(page: Page, sandbox: SandboxServer) -> None:
    sandbox.faults.add("html", path="/network")
    page.goto("/playground/network")
    red = page.locator(".badge-state.bad", has_text="InvalidResponseError")
    page.locator("#drawer summary").click()
    page.locator("#drawer").get_by_role("row", name="/network").get_by_role("link").first.click()
    main = page.locator("main")
    expect(main.locator(red)).to_have_count(2)
    expect(main.locator(".badge-state.good")).to_have_count(0)
    expect(main.locator("svg.attempts .verdict-raise")).to_have_count(1)


@pytest.mark.parametrize("healthy", [True, False], ids=["healthy", "present health"])
def test_the_first_endpoint_is_down(page: Page, sandbox: SandboxServer, healthy: bool) -> None:
    page.goto(LAB)
    page.get_by_role("button", name="The first endpoint is down").click()
    expect(page.locator(".box").first).to_contain_text("closed")
    switch = page.get_by_label("Begin with all endpoints healthy")
    expect(switch).to_be_checked()
    switch.set_checked(healthy)
    page.get_by_label("Calls", exact=True).fill("6")
    page.get_by_role("button", name="Send calls", exact=True).click()
    expect(page.locator("#lab").get_by_text("finished", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"calls=6&.*healthy={'yes' if healthy else 'no'}"))
    start = page.locator("#lab-start")
    if healthy:
        expect(start).to_contain_text("all endpoints were healthy")
        expect(page.locator("svg.failover .verdict-failover").first).to_be_attached()
        expect(page.locator(".verdict-text-failover").first).to_have_text("failover")
    else:
        expect(start).to_contain_text("The client of the pages in worker")
    expect(switch).to_be_checked(checked=healthy)
