"""Which endpoint is bad, and since when, as an operator sees it; a refused key is said once."""

from __future__ import annotations

from itertools import product

import pytest
import requests
from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from ..support.running_playground import RunningPlayground
from .acting import impatient, outcome, use_key
from .conftest import NewContext

DIAGNOSTICS = "/playground/diagnostics"


def read(page: Page, count: str = "8") -> None:
    page.goto(DIAGNOSTICS)
    page.get_by_label("Number of calls").fill(count)
    page.get_by_role("button", name="Run calls").click()
    expect(outcome(page)).to_contain_text(f"{count} calls")


def test_the_bad_endpoint_is_named_by_every_worker(
    page: Page, sandbox: SandboxServer, running: RunningPlayground
) -> None:
    impatient(page, "sk-which-is-bad")
    read(page)
    expect(page.locator("#verdict")).to_contain_text("No endpoint is failing")
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    read(page)
    bad = f"127.0.0.1:{sandbox.ports[1]}"
    since = page.locator("#verdict time").first.get_attribute("datetime")
    expect(page.locator("#verdict")).to_contain_text(f"{bad} is failing since")
    card = page.locator(".endpoint-card").first
    expect(card.locator("h3")).to_have_text(f"http://{bad}")
    expect(card.locator(".timeline-errors")).not_to_have_count(0)
    assert said_by_all(page, running) == {since}
    expect(page.locator("[aria-labelledby=errors-title]")).to_contain_text("No failed calls")
    groups = page.locator("[aria-labelledby=groups-title] tbody tr")
    expect(groups).to_have_count(1)
    expect(groups).to_contain_text("ConnectionError")

    # It is announced, and open details stay, when the page refreshes itself.
    page.locator("#numbers-1 summary").click()
    sandbox.faults.remove_all()
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    other = page.context.new_page()
    for _ in range(2):
        read(other)
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(page.locator("#verdict")).to_contain_text(f"127.0.0.1:{sandbox.ports[0]} is failing since")
    expect(page.locator("#live-region")).to_contain_text("is failing since")
    expect(page.locator("#numbers-1")).to_have_attribute("open", "")


def said_by_all(page: Page, running: RunningPlayground) -> set[str | None]:
    """Since when the first endpoint fails, as every worker says; each connection may meet another one."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}  # type: ignore[typeddict-item]
    said: dict[str, str | None] = {}
    for _ in range(200):
        text = requests.get(f"{running.url}{DIAGNOSTICS}/live", cookies=cookies, timeout=30).text
        live = BeautifulSoup(text, "html.parser")
        workers = live.select('[aria-labelledby="transport-title"] dd')
        (first, *_) = live.select("#verdict time")
        said[workers[3].get_text()] = str(first["datetime"])
        if len(said) == 3:
            return set(said.values())
    raise AssertionError(f"only {list(said)} answered")


def test_cards_are_in_an_even_grid(page: Page) -> None:
    page.goto(DIAGNOSTICS)
    widths = (1920, 1440, 1024, 768, 390)
    for width, grid in product(widths, (".endpoint-cards > *", ".panels.even > *")):
        page.set_viewport_size({"width": width, "height": 900})
        boxes = page.locator(grid).evaluate_all(
            "all => all.map(e => e.getBoundingClientRect()).map(r => [r.top, r.bottom, r.left, r.right])"
        )
        rows: dict[float, list[list[float]]] = {}
        for box in boxes:
            rows.setdefault(round(box[0]), []).append(box)
        for row in rows.values():
            assert max(box[1] for box in row) - min(box[1] for box in row) < 1, "as high as its neighbours"
        edges = {(round(min(b[2] for b in row)), round(max(b[3] for b in row))) for row in rows.values()}
        assert len(edges) == 1, "no gap at the end of a row"


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_refused_key_is_one_banner(new_context: NewContext, script: bool) -> None:
    page = new_context(java_script_enabled=script).new_page()
    use_key(page, "invalid")
    expect(outcome(page)).to_contain_text("The key was refused (401)")
    expect(page.locator("#key-banner")).to_be_visible()
    page.goto("/playground/dashboard")
    expect(page.locator("#key-banner")).to_have_count(1)
    expect(page.locator(".problem")).to_have_count(0)
    expect(page.locator(".needs-key")).to_have_count(4)
    expect(page.locator("[data-panel=network] .needs-key")).to_have_count(0)
    page.locator("#key-banner").get_by_role("link").click()
    expect(page).to_have_url("/playground/settings#source-title")
    use_key(page, "another-key")
    expect(outcome(page)).to_contain_text("The key is accepted")
    page.goto("/playground/dashboard")
    expect(page.locator("#key-banner, .needs-key")).to_have_count(0)
