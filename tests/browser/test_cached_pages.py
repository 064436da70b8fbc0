"""Pages from the cache say so in every look, and "Load again" asks the API, also without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from octaspace.sandbox import SandboxServer

from .accessibility import colour_problems_of, problems_of
from .acting import exported, impatient
from .conftest import NewContext

SERVICES = "/playground/services"
NETWORK = "/playground/network"

#: One more than the workers: each has a cache of its own, and any of them may serve a page.
LOADS = 4


def open_cached(page: Page, path: str) -> Locator:
    """Open a page until a worker serves it from its cache; returns what the page says about it."""
    note = page.locator(".cache-note")
    for _ in range(LOADS):
        page.goto(path)
        if note.count():
            break
    expect(note).to_contain_text("From the cache, ")
    return note


def open_stale(page: Page, sandbox: SandboxServer, path: str) -> Locator:
    """Open a page that shows an older answer, because the API fails."""
    for _ in range(LOADS * 3):  # so that each worker has probably kept one
        page.goto(path)
    sandbox.faults.add("status", status=503)
    note = page.locator(".panel-body > .notice-warn")
    for _ in range(LOADS * 3):
        page.goto(path)
        if note.count():
            break
    expect(note).to_contain_text("The API failed.")
    return note


@pytest.mark.parametrize("width", [1440, 390])
def test_kept_and_stale_answers_in_every_look(page: Page, sandbox: SandboxServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    impatient(page, f"sk-looks-at-{width}-1234", cache_ttl="600", max_retries="0")
    problems = []
    for path in (SERVICES, NETWORK):
        open_cached(page, path)
        problems += looked_at(page)
    impatient(page, f"sk-stale-at-{width}-1234", cache_ttl="0.001", cache_stale="600", max_retries="0")
    open_stale(page, sandbox, NETWORK)
    problems += looked_at(page)
    for path in ("/playground/requests", "/playground/diagnostics"):
        page.goto(path)
        problems += looked_at(page)
    page.goto("/playground/requests")
    row = page.locator("div.calls tr", has_text="API failed, 200 from the cache").first
    page.goto(str(row.locator("th a").get_attribute("href")))
    problems += looked_at(page)
    assert problems == []


def looked_at(page: Page) -> list[str]:
    """Problems of the page in both themes; it is light before and after."""
    found = problems_of(page)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    found += colour_problems_of(page)
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    return [f"{page.url}: {problem}" for problem in found]


def test_load_again_asks_the_api(page: Page, sandbox: SandboxServer) -> None:
    impatient(page, "sk-loads-again-1234", cache_ttl="600", max_retries="0")
    note = open_cached(page, f"{SERVICES}?country=Germany")
    before = len(sandbox.journal.entries())
    again = note.get_by_role("link", name="Load again")
    again.focus()
    again.press("Enter")
    expect(note).to_have_count(0)
    assert [entry.path for entry in sandbox.journal.entries()[before:]] == ["/services/mr"]
    expect(page).to_have_url(f"{page.url.partition('/playground')[0]}{SERVICES}?country=Germany")
    expect(page.locator("[data-panel=offers] .panel-reload")).to_be_focused()
    kept, fresh = exported(page)[-2:]
    assert (kept["cache"], kept["attempts"], kept["endpoint"]) == ("hit", 0, "")
    assert (fresh["cache"], fresh["attempts"]) == ("miss", 1)


def test_load_again_shows_a_fault(page: Page, sandbox: SandboxServer) -> None:
    impatient(page, "sk-sees-the-fault-1234", cache_ttl="600", max_retries="0")
    note = open_cached(page, NETWORK)
    sandbox.faults.add("status", status=503)
    note.get_by_role("link", name="Load again").click()
    panel = page.locator("[data-panel=network]")
    expect(panel).to_have_class("panel panel-wide is-stale")
    expect(panel.locator(".problem").first).to_contain_text("503")


def test_load_again_without_scripts(new_context: NewContext, sandbox: SandboxServer) -> None:
    page = new_context(java_script_enabled=False, viewport={"width": 390, "height": 900}).new_page()
    impatient(page, "sk-without-a-script-5678", cache_ttl="600", max_retries="0")
    note = open_cached(page, f"{SERVICES}?tab=vpn")
    before = len(sandbox.journal.entries())
    note.get_by_role("link", name="Load again").click()
    expect(note).to_have_count(0)
    assert [entry.path for entry in sandbox.journal.entries()[before:]] == ["/services/vpn"]
    expect(page.locator("[aria-current=page]").first).to_be_attached()
