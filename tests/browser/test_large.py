"""700 nodes: page sizes are limited; tables filter, sort and keep their URL."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

#: Bytes of a page's HTML.
LIGHT = 700_000


@pytest.fixture
def large(sandbox: SandboxServer) -> SandboxServer:
    sandbox.reset(dataset="large")
    return sandbox


@pytest.mark.parametrize(
    "path", ["nodes", "services", "services?tab=render", "sessions", "sessions?tab=recent", "dashboard"]
)
def test_page_size_is_limited(page: Page, large: SandboxServer, path: str) -> None:
    answer = page.goto(f"/playground/{path}")
    assert answer is not None
    assert len(answer.body()) < LIGHT
    expect(page.locator("main .panel").first).to_be_visible()


def test_a_table_of_700_is_filtered_sorted_and_shared(page: Page, large: SandboxServer) -> None:
    page.goto("/playground/nodes")
    rows = page.locator("[data-table=nodes] tbody tr")
    shown = page.locator("[data-table=nodes] tbody tr:not([hidden])")
    count = page.locator("[data-table=nodes] [data-table-count]")
    expect(rows).to_have_count(700)
    page.locator("#filter-nodes").fill("offline")
    offline = sum(node["state"] == "offline" for node in large.world.nodes())
    expect(shown).to_have_count(offline)
    expect(count).to_have_text(f"{offline} of 700 nodes")
    head = page.locator("[data-table=nodes] th", has_text="GPUs").first
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    numbers = [int(text) for text in shown.locator("[data-label=GPUs]").all_inner_texts()]
    assert numbers == sorted(numbers, reverse=True)

    page.reload()
    expect(shown).to_have_count(offline)
    expect(page.locator("#filter-nodes")).to_have_value("offline")
    expect(head).to_have_attribute("aria-sort", "descending")
    with page.expect_download() as download:
        page.locator("[data-table=nodes] [data-table-csv]").click()
    assert len(list(csv.reader(download.value.path().read_text().splitlines()))) == offline + 1

    page.locator("#filter-nodes").fill("nothing is called that")
    expect(shown).to_have_count(0)
    page.locator("#filter-nodes").fill("")
    expect(shown).to_have_count(700)


def test_truncated_answers_are_marked(page: Page, large: SandboxServer) -> None:
    page.goto("/playground/nodes")
    raw = page.locator("#raw-nodes")
    raw.locator("summary").click()
    expect(raw.locator("summary")).to_contain_text("first")
    with page.expect_download() as download:
        raw.get_by_role("link", name="Download everything").click()
    whole = download.value.path().read_text()
    assert whole.count('"osn"') == 700
