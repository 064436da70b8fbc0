"""The command palette: by keyboard, by touch, on a phone, with hostile names, and without a script."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from .accessibility import colour_problems_of, problems_of
from .conftest import NewContext
from .held_requests import HeldRequests
from .test_keyboard import tab_to

SEARCH = "/playground/search"


def test_by_keyboard_alone(page: Page, sandbox: SandboxServer) -> None:
    node = str(sandbox.world.nodes()[2]["id"])
    page.goto("/playground/nodes")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.partition("/playground/")[2]))
    page.locator("#filter-nodes").fill("on")
    page.keyboard.press("Control+k")  # also while typing
    dialog, field = page.locator("#palette"), page.locator("#palette input")
    options, chosen = page.locator("#palette [role=option]"), page.locator("#palette [aria-selected=true]")
    expect(field).to_be_focused()
    expect(options.first).to_contain_text("Dashboard")
    assert fetched == ["search/entries"]
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Network")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    page.keyboard.press("End")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("g d ?")  # letters are letters
    expect(options).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(dialog.get_by_role("status")).to_contain_text("No results")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#filter-nodes")).to_be_focused()
    expect(page.locator("#filter-nodes")).to_have_value("on")

    page.keyboard.press("Control+k")
    page.keyboard.type(node)
    expect(chosen).to_contain_text(f"Node {node}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"/playground/nodes/{node}")
    # Letters switched off: Ctrl+K is no letter. In another dialog it does nothing.
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_contain_text("Ctrl K")
    page.keyboard.press("Control+k")
    expect(dialog).to_be_hidden()
    tab_to(page, page.get_by_label("Enable single-key shortcuts"))
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("vpn.create")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/playground/diagnostics/runner?method=services.vpn.create")


def test_entries_that_arrive_late_leave_the_chosen_one(page: Page) -> None:
    page.goto("/playground/nodes")
    chosen = page.locator("#palette [aria-selected=true]")
    page.keyboard.press("Control+k")
    expect(chosen).to_contain_text("Dashboard")
    page.keyboard.press("Escape")
    entries = HeldRequests(page, "**/search/entries")
    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Account")
    with page.expect_response("**/search/entries"):
        entries.release_one()
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    expect(chosen).to_contain_text("Account")


def test_enter_before_the_entries_are_there_is_not_lost(page: Page) -> None:
    page.goto("/playground/settings")
    entries = HeldRequests(page, "**/search/entries")
    page.keyboard.press("Control+k")
    page.keyboard.type("vpn.create")
    expect(page.locator("#palette").get_by_role("status")).to_have_text("Loading…")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#palette').open")
    entries.release_one()
    expect(page).to_have_url("/playground/diagnostics/runner?method=services.vpn.create")


def test_its_order_is_that_of_the_page(page: Page) -> None:
    for path in ("nodes", "sessions"):
        page.goto(f"/playground/{path}")
    page.keyboard.press("Control+k")
    field, shown = page.locator("#palette input"), page.locator("#palette .palette-title")
    expect(shown.first).to_have_text("Dashboard")
    for query in ("no", "ses", "sessions list", "ST", "ndl", "e.s", "9001", "zzz", "node online"):
        field.fill(query)
        results = page.request.get(f"{SEARCH}?q={query}").text()
        links = page.evaluate(
            """text => [...new DOMParser().parseFromString(text, "text/html")
                .querySelectorAll(".search-results a")].map((link) => link.textContent)""",
            results,
        )
        assert shown.all_inner_texts() == links, query


def test_on_a_phone(page: Page, sandbox: SandboxServer) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto("/playground/sessions")
    page.get_by_role("link", name="Search", exact=True).click()
    options = page.locator("#palette [role=option]")
    expect(options.first).to_contain_text("Dashboard")
    page.locator("#palette input").fill("stable")
    expect(options).to_have_count(1)
    assert problems_of(page) == []
    page.emulate_media(color_scheme="dark")
    assert colour_problems_of(page) == []
    page.get_by_role("button", name="Close the search").click()
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.get_by_role("link", name="Search", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    options.first.click()
    expect(page.locator("h1")).to_have_text("Stable Diffusion")


def test_hostile_names_are_harmless(page: Page, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile", ready_after=0.0)
    for path in ("nodes", "sessions"):
        page.goto(f"/playground/{path}")
    page.keyboard.press("Control+k")
    kinds = page.locator("#palette .chip")
    page.locator("#palette input").fill("session")
    expect(kinds.get_by_text("Session", exact=True).first).to_be_visible()
    assert page.evaluate("document.querySelectorAll('#palette :is(img, script, a, b, svg)').length") == 0
    page.locator("#palette [role=option]", has=page.get_by_text("Session", exact=True)).first.click()
    expect(page).to_have_url(re.compile("/playground/sessions/"))
    assert page.evaluate("window.pwned") is None


def test_without_a_script(new_context: NewContext) -> None:
    plain = new_context(java_script_enabled=False, viewport={"width": 320, "height": 900}).new_page()
    plain.goto("/playground/nodes")
    plain.get_by_role("link", name="Search", exact=True).click()
    expect(plain).to_have_url(SEARCH)
    plain.get_by_role("searchbox", name="Search").fill("smoke")
    plain.get_by_role("button", name="Search").click()
    plain.locator(".search-results a").first.click()
    expect(plain.locator("h1")).to_have_text("Smoke suite")
