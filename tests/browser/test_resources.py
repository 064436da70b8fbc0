"""Nodes, services, sessions, apps and the log with scripts: forms, pictures that lead on, files, copies."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import ManualClock, SandboxServer

from .acting import changes, open_order, outcome
from .places import open_place, place_of


def test_prices_are_reviewed_and_sent_once(page: Page, sandbox: SandboxServer) -> None:
    open_place(page, place_of("node"), sandbox)
    page.get_by_label("Base per hour").fill("2500000000000000000")
    page.get_by_role("button", name="Review changes").click()
    assert changes(sandbox) == []
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("2.5 OCTA")
    dialog.get_by_role("button", name="Update prices").click()
    expect(outcome(page)).to_contain_text("Prices of node 9001 updated")
    (change,) = changes(sandbox)
    assert (change.method, json.loads(change.body)) == ("PATCH", {"base": 2_500_000_000_000_000_000})
    expect(page.locator("table.prices")).to_contain_text("2.5 OCTA")


@pytest.mark.parametrize(
    ("button", "name"), [("Download full log", "node-9001.log"), ("Identity file", "node-9001-ident.bin")]
)
def test_a_file_comes_with_progress(page: Page, sandbox: SandboxServer, button: str, name: str) -> None:
    open_place(page, place_of("node"), sandbox)
    if button == "Download full log":
        page.get_by_role("link", name="Log", exact=True).click()
    page.get_by_role("button", name=button).wait_for()
    page.evaluate("window.same = true")
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
        if button == "Identity file":
            page.get_by_role("button", name="Download file").click()
    assert download.value.suggested_filename == name
    assert download.value.path().stat().st_size > 0
    expect(page.locator("[data-download-text]")).to_contain_text(download.value.suggested_filename)
    assert page.evaluate("window.same")


def test_dots_link_to_rows(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/nodes")
    north = page.locator(".map a", has_text="Kyiv").first.locator("circle")
    assert float(str(north.get_attribute("cy"))) < 0
    page.locator(".map a", has_text="Kyiv").first.click()
    rows = page.locator("[data-table=nodes] tbody tr")
    expect(rows.first).to_contain_text("Kyiv")
    assert rows.count() < 14
    page.goto("/playground/services")
    dot = page.locator(".scatter a").first
    target = str(dot.get_attribute("href"))
    dot.locator("circle").dispatch_event("click")
    expect(page.locator(target)).to_be_in_viewport()


def test_offers_are_filtered_and_compared(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/services")
    page.get_by_label("Min. VRAM, GB").fill("20")
    page.get_by_label("Max. USD per hour").fill("1")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("[data-panel=offers] .sdk-call-line")).to_have_text(
        "client.services.mr.search(min_vram_gb=20, max_price_usd=1)"
    )
    boxes = page.locator("[name=compare][type=checkbox]")
    for number in range(4):
        boxes.nth(number).check()
    page.get_by_role("button", name="Compare selected").click()
    expect(page.locator("table.compare thead th")).to_have_count(4)
    page.reload()
    expect(page.locator("table.compare thead th")).to_have_count(4)
    expect(page.get_by_label("Min. VRAM, GB")).to_have_value("20")


def test_an_app_fills_the_form(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/apps")
    page.locator(".app").first.get_by_role("link", name="Rent with").click()
    expect(page.locator(".notice-app")).to_be_visible()
    page.locator("[data-table=offers] tbody").get_by_role("link", name="Rent").first.click()
    expect(page.locator("#image")).not_to_have_value("")
    expect(page.locator("#app")).not_to_have_value("")
    assert changes(sandbox) == []


@pytest.mark.parametrize("service", ["vpn", "render"])
def test_the_other_services_are_rented_too(page: Page, sandbox: SandboxServer, service: str) -> None:
    offers = getattr(sandbox.world.initial_state, service)
    open_order(page, offers[0]["node_id"], service)
    page.get_by_role("button", name="Rent now").click()
    expect(outcome(page)).to_contain_text("Rented")
    assert [entry.path for entry in changes(sandbox)] == [f"/services/{service}"]


def test_invalid_order_field_shows_its_error(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/services/mr/rent")
    page.locator("#disk_size").fill("much")
    page.get_by_role("button", name="Review cost").click()
    for name in ("node_id", "disk_size"):
        expect(page.locator(f"#{name}-error")).to_be_visible()
    expect(page.locator("#disk_size")).to_have_value("much")
    assert changes(sandbox) == []


def test_a_vpn_configuration_is_shown_when_asked_for(
    page: Page, sandbox: SandboxServer, clock: ManualClock
) -> None:
    open_order(page, sandbox.world.initial_state.vpn[0]["node_id"], "vpn")
    page.get_by_role("button", name="Rent now").click()
    page.wait_for_url("**/sessions/**")
    clock.advance(5)
    page.reload()
    expect(page.locator("#live")).not_to_contain_text("PrivateKey")
    page.get_by_role("link", name="Show the configuration").click()
    expect(page.locator("#vpn-config")).to_contain_text("PrivateKey")
    box = page.locator(".qr svg").bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 100
    secret = page.locator("#vpn-config").inner_text()
    assert secret[:60] not in page.request.get("/playground/requests/log.har").text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    assert download.value.suggested_filename.endswith(".conf")
    assert download.value.path().read_text().strip() == secret.strip()


def test_a_call_is_copied_and_repeated(page: Page, sandbox: SandboxServer) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/playground/apps")
    page.goto("/playground/requests?text=apps")
    page.locator("#main .calls th a").first.click()
    copied = "navigator.clipboard.readText()"
    page.get_by_role("button", name="curl").first.click()
    expect(page.locator("#live-region")).to_have_text("Copied.")
    assert "Authorization: playground-sandbox" in page.evaluate(copied)
    page.get_by_role("button", name="Python", exact=True).first.click()
    page.wait_for_function(f"() => {copied}.then((text) => text.includes('client.apps.list()'))")
    before = len(sandbox.journal.entries())
    page.get_by_role("button", name="Repeat").click()
    expect(page.locator("h1")).to_have_text("GET /apps")
    again = sandbox.journal.entries()[before:]
    assert "/apps" in [entry.path for entry in again]


def test_exports_are_files(page: Page) -> None:
    page.goto("/playground/network")
    page.goto("/playground/requests?text=network")
    with page.expect_download() as download:
        page.get_by_role("link", name="HAR").click()
    har = json.loads(download.value.path().read_text())
    assert [entry["request"]["method"] for entry in har["log"]["entries"]] == ["GET"]
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert [row["path"] for row in json.loads(download.value.path().read_text())] == ["/network"]
