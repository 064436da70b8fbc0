"""The playground without JavaScript: everything can be read, every form works."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import ManualClock, SandboxServer

from .acting import changes, exported, open_order, outcome, set_options, use_key
from .conftest import NewContext
from .places import PLACES, open_place


@pytest.fixture
def plain(new_context: NewContext) -> Page:
    return new_context(java_script_enabled=False, viewport={"width": 390, "height": 900}).new_page()


#: Elements that cannot be read or used without scripts, one per line.
_MISSED = """
() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const html = (e) => e.outerHTML.slice(0, 200);
  const root = document.scrollingElement;
  return [
    ...(all("h1").length && all(".sidebar nav a").length ? [] : ["no heading or no menu"]),
    ...all(".needs-script").map((e) => `needs a script: ${html(e)}`),
    ...all(".panel").filter((e) => e.innerText.trim().length < 20).map((e) => `empty: ${html(e)}`),
    ...all("form").filter((e) => ![...e.elements].some((one) => one.type === "submit" && shown(one)))
      .map((e) => `no button: ${html(e)}`),
    ...(root.scrollWidth > root.clientWidth ? ["sideways scroll"] : []),
  ];
}
"""


def test_every_page_can_be_read(plain: Page, sandbox: SandboxServer) -> None:
    missed = {}
    for place in PLACES:
        open_place(plain, place, sandbox)
        missed[place.name] = plain.evaluate(_MISSED)
    assert {name: lines for name, lines in missed.items() if lines} == {}


def test_settings(plain: Page) -> None:
    use_key(plain, "sk-typed-without-a-script-9876")
    expect(plain.locator(".topbar")).to_contain_text("••••9876")
    set_options(plain, max_retries="5", keep_alive="false")
    expect(outcome(plain)).to_contain_text("max_retries")
    expect(plain.locator(".topbar")).to_contain_text("standard")
    plain.get_by_role("button", name="Reset all options").click()
    expect(plain.locator(".topbar")).to_contain_text("persistent")
    plain.get_by_role("button", name="Test the connection").click()
    expect(outcome(plain)).to_contain_text("Every endpoint answers")
    plain.get_by_role("button", name="Dark theme").click()
    expect(plain.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_reads_and_their_log(plain: Page) -> None:
    plain.goto("/playground/diagnostics")
    plain.get_by_label("Number of calls").fill("4")
    plain.get_by_role("button", name="Run calls").click()
    expect(outcome(plain)).to_contain_text("4 calls")
    plain.goto("/playground/requests")
    plain.get_by_label("Path, Python or request id").fill("network")
    plain.get_by_role("button", name="Filter", exact=True).click()
    expect(plain.locator("#main .calls tbody tr")).to_have_count(4)
    plain.locator("#main .calls th a").first.click()
    expect(plain.locator("main")).to_contain_text("client.network.info()")
    plain.goto("/playground/requests")
    plain.get_by_role("button", name="Clear", exact=True).click()
    plain.get_by_role("button", name="Clear the log").click()
    expect(outcome(plain)).to_contain_text("was cleared")
    assert exported(plain) == []


def test_nodes(plain: Page, sandbox: SandboxServer, clock: ManualClock) -> None:
    plain.goto("/playground/nodes")
    plain.get_by_label("State", exact=True).select_option("online")
    plain.get_by_role("button", name="Filter", exact=True).click()
    row = plain.locator("[data-table=nodes] tbody tr").first
    expect(row).to_contain_text("online")
    row.locator("th a").click()
    plain.get_by_role("button", name="Reboot").first.click()
    plain.locator("dialog[open]").get_by_role("button", name="Reboot").click()
    expect(outcome(plain)).to_contain_text("Reboot of node 9001 requested")
    plain.get_by_role("link", name="Check again").click()
    expect(plain.locator("#node-state")).to_contain_text("offline")
    clock.advance(30)
    plain.get_by_role("link", name="Check again").click()
    expect(outcome(plain)).to_contain_text("is back")
    expect(plain.locator("#node-state")).to_contain_text("online")
    assert [entry.operation for entry in changes(sandbox)] == ["reboot_node"]
    plain.get_by_role("link", name="Log", exact=True).click()
    with plain.expect_download() as download:
        plain.get_by_role("button", name="Download full log").click()
    assert download.value.path().stat().st_size > 0


def test_a_wallet(plain: Page, sandbox: SandboxServer) -> None:
    plain.goto("/playground/account")
    plain.get_by_role("button", name="Generate a wallet").click()
    plain.get_by_role("button", name="Generate wallet").click()
    expect(outcome(plain)).to_contain_text("New wallet created")
    assert [entry.method for entry in changes(sandbox)] == ["POST"]


def test_a_rental_from_offer_to_end(plain: Page, sandbox: SandboxServer, clock: ManualClock) -> None:
    plain.goto("/playground/services")
    plain.get_by_text("Filter and sort offers").click()
    plain.get_by_label("Max. USD per hour").fill("1")
    plain.get_by_role("button", name="Apply", exact=True).click()
    node = plain.locator("[data-table=offers] tbody tr th a").first.inner_text()
    open_order(plain, int(node))
    plain.get_by_role("button", name="Rent now").click()
    expect(outcome(plain)).to_contain_text("Rented")
    clock.advance(5)
    plain.get_by_role("link", name="Refresh", exact=True).click()
    expect(plain.locator(".state-line")).to_contain_text("ready")
    plain.get_by_role("button", name="Stop", exact=True).click()
    plain.locator("dialog[open]").get_by_label("4", exact=True).check()
    plain.get_by_role("button", name="Stop the session").click()
    expect(outcome(plain)).to_contain_text("The session is stopped")
    assert [entry.method for entry in changes(sandbox)] == ["POST", "POST"]
    assert '"score":4' in changes(sandbox)[-1].body.replace(" ", "")


def test_several_sessions_at_once(plain: Page, sandbox: SandboxServer) -> None:
    plain.goto("/playground/sessions")
    for box in plain.get_by_role("checkbox").all()[:2]:
        box.check()
    plain.get_by_role("button", name="Stop selected").click()
    plain.get_by_role("button", name="Stop 2 sessions").click()
    expect(outcome(plain)).to_contain_text("2 of 2 sessions stopped")
    assert len(changes(sandbox)) == 2


def test_idle_jobs(plain: Page, sandbox: SandboxServer) -> None:
    node, job = next(iter(sandbox.world.initial_state.idle_jobs))
    plain.goto("/playground/idle-jobs")
    plain.get_by_label("Node ID", exact=True).fill(str(node))
    plain.get_by_label("Job ID", exact=True).fill(str(job))
    plain.get_by_role("button", name="Find").click()
    expect(plain.locator("[data-panel=logs]")).to_contain_text("lines")


def test_the_runner(plain: Page) -> None:
    plain.goto("/playground/diagnostics/runner?method=network.info")
    plain.locator("#runner").get_by_role("button", name="Run", exact=True).locator("visible=true").click()
    link = plain.get_by_role("link", name="Refresh the status")
    for _ in range(20):
        if link.count() == 0:
            break
        link.click()
    expect(plain.locator("#run")).to_contain_text("HTTP 200")


def test_the_smoke_suite(plain: Page) -> None:
    plain.goto("/playground/diagnostics/smoke")
    plain.get_by_role("button", name="Start the suite").click()
    for _ in range(60):
        if plain.locator("#suite .badge-state.good").get_by_text("passed", exact=True).count():
            break
        plain.wait_for_timeout(100)
        plain.reload()
    expect(plain.locator("#suite")).to_contain_text("0 failed")


def test_the_lab(plain: Page, sandbox: SandboxServer) -> None:
    plain.goto("/playground/diagnostics/lab")
    plain.get_by_role("group", name="Answers with: A").get_by_role("button", name="503").click()
    assert [fault.kind for fault in sandbox.faults.active()] == ["status"]
    plain.get_by_label("Calls", exact=True).fill("6")
    plain.get_by_label("Kind", exact=True).select_option("reads")
    plain.get_by_role("button", name="Send calls", exact=True).click()
    for _ in range(60):
        if plain.get_by_text("finished", exact=True).count():
            break
        plain.wait_for_timeout(100)
        plain.reload()
    expect(plain.locator("[data-table=lab] tbody tr")).to_have_count(6)
    plain.get_by_role("button", name="Clear all faults").click()
    assert sandbox.faults.active() == []
