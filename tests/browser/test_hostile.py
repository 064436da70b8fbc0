"""Hostile text in every answer: none of it runs on any page, whatever is clicked."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from .places import AREAS, open_place

#: Characters that change a terminal or the direction of text.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_FOUND = Path(__file__).with_name("attacked.js").read_text(encoding="utf-8")


@pytest.fixture
def hostile(sandbox: SandboxServer) -> SandboxServer:
    sandbox.reset(dataset="hostile", ready_after=0.0)
    return sandbox


def look(page: Page) -> None:
    """Check that no attack had an effect on the page."""
    found = page.evaluate(_FOUND)
    assert not _UNSEEN.search(found.pop("text")), page.url
    assert not any(found.values()), (page.url, found)


def click_everything(page: Page) -> None:
    """Open all folded parts, then click each row outside of its links, and return."""
    page.evaluate("document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })")
    look(page)
    here = page.url
    rows = page.locator("main tbody tr")
    for number in range(rows.count()):
        rows.nth(number).locator("th, td").last.click(position={"x": 2, "y": 2})
        if page.url != here:
            look(page)
            page.goto(here)
    look(page)


@pytest.mark.parametrize("area", AREAS)
def test_nothing_runs(area: str, page: Page, hostile: SandboxServer) -> None:
    for place in AREAS[area]:
        open_place(page, place, hostile)
        click_everything(page)


def test_nothing_runs_in_tool_output(page: Page, hostile: SandboxServer) -> None:
    page.goto("/playground/diagnostics/smoke")
    page.locator("#changes").check()
    page.get_by_role("button", name="Start the suite").click()
    expect(page.locator("#suite h2")).to_have_text("Last run", timeout=30_000)
    click_everything(page)
    for method in ("nodes.list", "sessions.list", "apps.list", "accounts.profile"):
        page.goto(f"/playground/diagnostics/runner?method={method}")
        page.locator("#runner").get_by_role("button", name="Run", exact=True).locator("visible=true").click()
        expect(page.locator("#run")).to_contain_text("HTTP 200")
        click_everything(page)


@pytest.mark.parametrize(("width", "most"), [(1440, 10), (390, 3)])
def test_entries_of_the_lists(page: Page, hostile: SandboxServer, width: int, most: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("nodes", "sessions", "sessions?tab=recent", "requests"):
        page.goto(f"/playground/{path}")
        links = page.locator("main tbody th a[href]")
        addresses = [str(link.get_attribute("href")) for link in links.all()[:most]]
        assert addresses, path
        for address in addresses:
            page.goto(address)
            look(page)


def test_csv_export_has_no_formulas(page: Page, hostile: SandboxServer) -> None:
    page.goto("/playground/nodes")
    with page.expect_download() as download:
        page.locator("[data-table-csv]").first.click()
    rows = list(csv.reader(download.value.path().read_text().splitlines()))
    assert len(rows) == 15
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if "HYPERLINK" in cell]
    numbers = re.compile(r"-?[\d.]+")
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell) and not numbers.fullmatch(cell)] == []
