"""The map and the table of nodes, reboots, and logs with search."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from octaspace.sandbox import ManualClock, SandboxServer

from .acting import changes, outcome
from .conftest import NewContext
from .held_requests import HeldRequests

#: Contrast of each colour of the dots with the land and with the sea, from the computed styles.
_CONTRASTS = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((value) => {
    const part = Number(value) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = (text) => { const [r, g, b] = channels(text); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const grounds = [style(".map-land").fill, style(".map").backgroundColor].map(light);
  const dots = ["good", "bad", "warn"].map((name) => style(`.map .dot.${name}`));
  if (dots.some((dot) => dot.fillOpacity !== "1")) return [];
  return dots.flatMap((dot) => grounds.map((ground) => {
    const [low, high] = [light(dot.fill), ground].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }));
}"""


def test_dots_stand_out_from_the_land_in_both_themes(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/nodes")
    grounds = set()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        contrasts = page.evaluate(_CONTRASTS)
        assert len(contrasts) == 6
        assert min(contrasts) >= 3, (theme, contrasts)
        grounds.add(page.locator(".map-land").evaluate("e => getComputedStyle(e).fill"))
    assert len(grounds) == 2
    kyiv = page.locator(".map a[aria-label^=Kyiv] circle")
    assert kyiv.evaluate(
        "({cx, cy}) => document.querySelector('.map-land')"
        ".isPointInFill(new DOMPoint(cx.baseVal.value, cy.baseVal.value))"
    )


def test_a_country_keeps_what_was_typed_and_sorted(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/nodes?state=any-online")
    page.locator("#filter-nodes").fill("RTX")
    page.locator("#filter-nodes").press("Enter")
    page.locator("[data-table=nodes] thead button", has_text="Load").click()
    page.locator(".facets").get_by_role("link", name="United States").click()
    expect(page.locator(".facets [aria-current]")).to_contain_text("United States")
    expect(page.locator("#filter-nodes")).to_have_value("RTX")
    expect(page.locator("[data-table=nodes] th[aria-sort=ascending]")).to_have_text("Load")
    rows = page.locator("[data-table=nodes] tbody tr:not([hidden])")
    expect(rows).to_have_count(2)
    page.goto("/playground/nodes?country=Japan&state=offline")
    page.get_by_role("link", name="Clear filters").last.click()
    expect(page.locator("[data-table=nodes] tbody tr")).to_have_count(14)


def test_selected_nodes_reboot_once_by_keyboard(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/nodes")
    for node in ("9001", "9002", "9005"):
        page.get_by_label(f"Select {node}").focus()
        page.keyboard.press("Space")
    expect(page.locator("[data-selected]")).to_have_text("3")
    page.locator("#filter-nodes").fill("9005")
    shown = page.get_by_role("button", name="Select all shown")
    shown.press("Enter")
    expect(page.locator("[data-selected]")).to_have_text("2")  # it was selected, so now it is not
    shown.press("Enter")
    expect(page.locator("[data-selected]")).to_have_text("3")
    page.locator("#filter-nodes").fill("")
    page.get_by_role("button", name="Reboot…").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Reboot 2 nodes?")
    assert changes(sandbox) == []
    send = page.get_by_role("button", name="Reboot 2 nodes")
    send.dblclick()
    expect(outcome(page)).to_contain_text("2 of 2 reboots requested")
    page.reload()
    page.go_back()
    assert sorted(entry.path for entry in changes(sandbox)) == ["/nodes/9001/reboot", "/nodes/9002/reboot"]


def test_prices_of_several_nodes_without_a_script(new_context: NewContext, sandbox: SandboxServer) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/playground/nodes")
    page.get_by_label("Select 9001").check()
    page.get_by_label("Select 9005").check()
    page.get_by_role("button", name="Update prices…").click()
    page.get_by_label("Base per hour").fill("25")
    page.get_by_role("button", name="Review changes").click()
    expect(page.locator("table.several tbody tr").first).to_contain_text("1000000000000000000")
    page.get_by_role("button", name="Update prices of 2 nodes").click()
    expect(page.locator(".outcome-each li")).to_have_count(2)
    assert [json.loads(entry.body) for entry in changes(sandbox)] == [{"base": 25}] * 2


def test_a_node_is_followed_until_it_is_back(page: Page, sandbox: SandboxServer, clock: ManualClock) -> None:
    page.clock.install()
    page.goto("/playground/nodes/9001")
    page.get_by_role("button", name="Reboot").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Reboot").click()
    expect(page.locator("#reboot-watch")).to_contain_text("Waiting for the node")
    expect(page.locator("#reboot-watch a")).to_be_hidden()
    expect(page.locator("#node-state")).to_contain_text("offline")
    with page.expect_response(re.compile("_panel=node")) as asked:
        page.clock.run_for(3_000)
    assert asked.value.request.headers["x-background"] == "1"
    expect(page.locator("#reboot-watch")).to_be_visible()
    clock.advance(30)
    page.clock.run_for(10_000)
    expect(outcome(page)).to_contain_text("is back")
    expect(page.locator("#reboot-watch")).to_have_count(0)
    expect(page.locator("#node-state")).to_contain_text("online")
    expect(page.locator("#live-region")).to_contain_text("is back")
    assert "done=" not in page.url
    expect(page.locator("[data-open-dialog=reboot]")).to_be_visible()
    assert len(changes(sandbox)) == 1


def test_an_answer_that_arrives_while_a_dialog_is_open_leaves_the_dialog(page: Page) -> None:
    page.goto("/playground/nodes/9001")
    page.get_by_role("button", name="Reboot").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Reboot").click()
    refreshes = HeldRequests(page, re.compile("_panel=node"))
    refreshes.wait_for_one()
    page.get_by_role("button", name="Identity file").click()
    token = page.locator("#ident [name=once]").input_value()
    shown = page.locator("#node-state")
    shown.evaluate("(it) => { it.textContent = ''; }")
    refreshes.release_one()
    expect(shown).to_contain_text("offline")
    expect(page.locator("#ident")).to_be_visible()
    assert page.locator("#ident [name=once]").input_value() == token
    page.keyboard.press("Escape")
    expect(page.locator("#ident")).to_be_hidden()


def test_a_log_is_searched_in_the_page(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/nodes/9001/log")
    asked = len(sandbox.journal.entries())
    before = page.locator("[data-log-text]").all_text_contents()
    field = page.get_by_label("Search the log")
    field.fill("PEER connected")
    count = page.locator("[data-log-count]")
    expect(count).to_have_text(re.compile(r"^1 of [0-9]{3} matches$"))
    total = page.locator("[data-log-text] mark").count()
    expect(count).to_have_text(f"1 of {total} matches")
    expect(page.locator("mark.current")).to_be_in_viewport()
    expect(page.locator("#live-region")).to_have_text(f"1 of {total} matches")
    field.press("Enter")
    expect(count).to_have_text(f"2 of {total} matches")
    page.get_by_role("button", name="Previous match").click()
    page.get_by_role("button", name="Previous match").press("Enter")
    expect(count).to_have_text(f"{total} of {total} matches")
    expect(page.locator("mark.current")).to_be_in_viewport()
    assert page.locator("[data-log-text]").all_text_contents() == before
    assert len(sandbox.journal.entries()) == asked
    page.reload()
    expect(field).to_have_value("PEER connected")
    assert page.locator("[data-log-text] mark").count() == total
    field.fill("")
    expect(count).to_be_empty()
    expect(page.locator("[data-log-text] mark")).to_have_count(0)
    assert page.locator("[data-log-text]").all_text_contents() == before


def test_a_log_is_searched_without_a_script(new_context: NewContext, sandbox: SandboxServer) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/playground/nodes/9001/log")
    page.get_by_label("Search the log").fill("speed test")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-log-count]")).to_contain_text("1 of ")
    page.get_by_label("Next match").click()
    expect(page.locator("[data-log-count]")).to_contain_text("2 of ")
    expect(page.locator("#match-2.current")).to_be_in_viewport()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download full log").click()
    assert download.value.path().read_bytes() == sandbox.world.own_node(9001).log()


def test_lines_that_arrive_are_searched(page: Page, sandbox: SandboxServer, clock: ManualClock) -> None:
    uuid = next(rental.uuid for rental in sandbox.world.active() if rental.number == 1)
    clock.advance(6)
    page.clock.install()
    page.goto(f"/playground/sessions/{uuid}")
    page.get_by_label("Search the log").fill("step")
    count = page.locator("[data-log-count]")
    page.clock.run_for(1_000)
    marks = page.locator("[data-log=container] mark")
    expect(marks.first).to_be_visible()
    before = marks.count()
    lines = page.locator("[data-log=container] .log-line")
    shown = lines.count()
    clock.advance(20)
    page.clock.run_for(3_000)
    expect(lines.nth(shown)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert marks.count() - before == lines.count() - shown > 0
    expect(count).to_have_text(f"1 of {page.locator('[data-log-text] mark').count()} matches")
    page.get_by_role("button", name="Previous match").click()
    expect(lines.last.locator("mark.current")).to_be_in_viewport()
