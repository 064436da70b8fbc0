"""Positions: targets of links below the header, offers on the first screen, buttons of tables in sight."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

WIDE = {"width": 1440, "height": 900}
MIDDLE = {"width": 1024, "height": 900}
PHONE = {"width": 390, "height": 844}

#: Jumps to each link target of the page; returns those that something sticky covers or that are out of sight.
_COVERED = """
async () => {
  const here = (a) => a.hash && a.pathname === location.pathname && a.search === location.search;
  const links = [...document.querySelectorAll("main a[href], svg a")]
    .map((a) => (a.href.baseVal ? new URL(a.href.baseVal, location) : a));
  const targets = [...new Set(links.filter(here).map((a) => a.hash))].slice(0, 6);
  const covered = [];
  const header = document.querySelector(".topbar");
  for (const hash of targets) {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target || target.matches("dialog")) continue;
    scrollTo(0, 0);
    location.hash = hash;
    await new Promise(requestAnimationFrame);
    const bars = [header, target.closest("tbody")?.previousElementSibling].filter(Boolean);
    const top = Math.ceil(target.getBoundingClientRect().top);
    const end = document.querySelector("#drawer").getBoundingClientRect().top;
    if (top >= end) covered.push(`${hash} is out of sight`);
    for (const bar of bars) {
      if (bar === header && getComputedStyle(bar).position !== "sticky") continue;
      const box = bar.getBoundingClientRect();
      if (box.width > 1 && top < Math.floor(box.bottom)) covered.push(`${hash}: ${top} < ${box.bottom}`);
    }
  }
  return { targets, covered };
}
"""


@pytest.mark.parametrize(
    "size", [WIDE, {"width": 700, "height": 900}, PHONE], ids=["wide", "tablet", "phone"]
)
def test_targets_of_links_are_below_the_header(
    page: Page, sandbox: SandboxServer, size: dict[str, int]
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(reduced_motion="reduce")  # jumps instead of smooth scrolling
    nodes = [offer["node_id"] for offer in sandbox.world.initial_state.mr[:2]]
    compared = f"/playground/services?compare={nodes[0]}&compare={nodes[1]}"
    for address in ("/playground/apps", compared):
        page.goto(address)
        found = page.evaluate(_COVERED)
        assert found["targets"], address
        assert found["covered"] == [], address


def test_the_skip_link_and_the_focus_are_not_covered(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/playground/apps")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    assert top(page, "#main") >= bottom(page, ".topbar") - 1
    # Backwards with the keyboard, from further down: each focused link is below the header.
    links = page.locator(".app a.btn")
    links.nth(6).focus()
    for number in (5, 4, 3, 2, 1, 0):
        links.nth(number).focus()
        box = links.nth(number).bounding_box()
        assert box is not None
        assert box["y"] >= bottom(page, ".topbar")
        assert box["y"] + box["height"] <= top(page, "#drawer")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_first_offer_is_on_the_first_screen(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto("/playground/services")
    page.reload()  # from the cache, which is noted above the offers
    first = page.locator("[data-table=offers] tbody tr").first
    box = first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= top(page, "#drawer")
    expect(first.get_by_role("link", name="Rent")).to_be_in_viewport()
    filters = page.get_by_label("Country")
    if size is PHONE:
        expect(filters).to_be_hidden()
        page.get_by_text("Filter and sort offers").click()
    expect(filters).to_be_visible()


def test_the_chart_is_below_the_offers_and_folds(page: Page) -> None:
    page.goto("/playground/services")
    chart = page.locator("#chart svg")
    assert top(page, "#chart") > bottom(page, "[data-table=offers]")
    page.get_by_role("link", name="Chart").click()
    expect(chart).to_be_in_viewport()
    page.locator("#chart summary").click()
    expect(chart).to_be_hidden()
    page.locator("#chart summary").click()
    page.get_by_role("link", name="AI score", exact=True).click()
    expect(page.locator("#chart summary")).to_contain_text("vs. AI score")


@pytest.mark.parametrize("width", [1000, 1024, 1199, 1440])
def test_the_api_target_is_whole(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/playground/dashboard")
    expect(page.locator("#balance")).to_contain_text("OCTA")
    target = page.locator(".topbar .source")
    expect(target).to_contain_text("Sandbox")
    assert target.evaluate("e => e.scrollWidth - e.clientWidth") <= 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_buttons_of_a_table_stay_in_sight(page: Page, theme: Any) -> None:
    page.set_viewport_size(MIDDLE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.goto("/playground/services")
    box = page.locator("#panel-offers .table-scroll")
    assert box.evaluate("e => e.scrollWidth > e.clientWidth + 100")
    row = page.locator("[data-table=offers] tbody tr").first
    button = row.get_by_role("link", name="Rent")
    row.locator("td").nth(3).hover()
    expect(button).to_be_in_viewport(ratio=1)
    colour, border = row.locator("td").last.evaluate(
        "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).borderLeftWidth]"
    )
    assert border == "1px"
    assert "/ 0" not in colour
    assert not colour.startswith("rgba")
    # Nothing shines through: with the mouse on the row, its other cells are mixed from the same colours.
    assert colour != row.locator("td").last.evaluate(
        "e => getComputedStyle(e.closest('.panel')).backgroundColor"
    )
    page.get_by_role("button", name="Reliability").click()
    box.evaluate("e => e.scrollTo(400, 0)")
    expect(
        page.locator("[data-table=offers] tbody tr").first.get_by_role("link", name="Rent")
    ).to_be_in_viewport(ratio=1)


def top(page: Page, selector: str) -> float:
    found: float = page.locator(selector).first.evaluate("e => e.getBoundingClientRect().top")
    return found


def bottom(page: Page, selector: str) -> float:
    found: float = page.locator(selector).first.evaluate("e => e.getBoundingClientRect().bottom")
    return found
