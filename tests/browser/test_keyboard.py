"""By keyboard alone: reach, open, rent, stop; dialogs keep and return focus; letters as shortcuts."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from octaspace.sandbox import ManualClock, SandboxServer
from playground.web.navigation import GROUPS

from .acting import changes, outcome

ENTRIES = [entry for _, pages in GROUPS for entry in pages]


def tab_to(page: Page, target: Locator, *, most: int = 120) -> None:
    """Press Tab until the target has the focus."""
    target.wait_for()
    for _ in range(most):
        if target.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached by {most} tabs")


def focused(page: Page) -> str:
    text: str = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    return text


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/playground/nodes")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_focus_is_visible(page: Page) -> None:
    """Every stop of the first page shows a ring or another background, and is not under a bar."""
    page.goto("/playground/services")
    for _ in range(45):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
              const e = document.activeElement;
              if (e === document.body) return true;
              const style = getComputedStyle(e);
              const box = e.getBoundingClientRect();
              const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
              const ring = style.outlineStyle !== "none" || style.boxShadow !== "none";
              // Dots of a picture may lie on each other.
              const seen = e.closest("svg") || e.contains(top) || top?.contains(e) || e.labels?.length > 0;
              return ring && seen;
            }"""
        )
        assert seen, focused(page)


def test_a_node_is_reached_opened_and_rebooted(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/dashboard")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url("/playground/nodes")
    page.keyboard.press("/")
    field = page.locator("#filter-nodes")
    expect(field).to_be_focused()
    page.keyboard.type("online")
    tab_to(page, page.locator("[data-table=nodes] tbody tr:not([hidden]) th a").first)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("online")

    opener = page.locator("[data-open-dialog=reboot]")
    tab_to(page, opener)
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Tab")
        # Between its last and its first the browser's own bar has a turn, never the page behind it.
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert changes(sandbox) == []

    page.keyboard.press("Enter")
    tab_to(page, dialog.get_by_role("button", name="Reboot"))
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("Reboot of node")
    assert [entry.operation for entry in changes(sandbox)] == ["reboot_node"]


def test_a_machine_is_rented_and_stopped(page: Page, sandbox: SandboxServer, clock: ManualClock) -> None:
    page.goto("/playground/sessions")
    page.keyboard.press("g")
    page.keyboard.press("v")
    expect(page.locator("h1")).to_have_text("Services")
    tab_to(page, page.locator("[data-table=offers] tbody").get_by_role("link", name="Rent").nth(2))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#image"))
    page.keyboard.type("ubuntu:24.04")
    tab_to(page, page.locator("#disk_size"))
    page.keyboard.press("Control+a")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Rent this machine?")
    tab_to(page, page.get_by_role("button", name="Rent now"))
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("Rented")
    clock.advance(5)
    expect(page.locator(".state-line")).to_contain_text("ready")
    tab_to(page, page.locator("[data-open-dialog=stop]"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("no score"))
    page.keyboard.press("ArrowRight")
    tab_to(page, page.get_by_role("button", name="Stop the session"))
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("The session is stopped")
    assert [entry.method for entry in changes(sandbox)] == ["POST", "POST"]


def test_letters(page: Page) -> None:
    page.goto("/playground/settings")
    for entry in ENTRIES:
        page.keyboard.press("g")
        page.keyboard.press(entry.key)
        expect(page.locator(".sidebar [aria-current=page]")).to_have_attribute("data-go", entry.key)
        page.wait_for_load_state()
    page.goto("/playground/network")
    page.evaluate("window.same = true")
    made = page.locator("#drawer summary .chip")
    before = made.inner_text()
    page.keyboard.press("r")
    expect(made).not_to_have_text(before)
    assert page.evaluate("window.same")


def test_the_list_of_keys_and_its_switch(page: Page) -> None:
    page.goto("/playground/network")
    page.keyboard.press("?")
    dialog = page.locator("#keys-dialog")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url("/playground/network")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.keyboard.press("/")
    page.keyboard.type("g d r ?")
    expect(page.locator("#filter-gpus")).to_have_value("g d r ?")
    expect(dialog).to_be_hidden()
    page.keyboard.press("Shift+Tab")

    page.keyboard.press("?")
    tab_to(page, page.get_by_label("Enable single-key shortcuts"))
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url("/playground/network?gpus.q=g+d+r+%3F")


def test_the_menu_of_a_narrow_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/playground/network")
    opener = page.get_by_role("button", name="Open the menu")
    expect(page.locator(".sidebar")).not_to_be_in_viewport()
    tab_to(page, opener)
    page.keyboard.press("Enter")
    expect(page.locator(".sidebar a").first).to_be_focused()
    expect(page.locator(".sidebar")).to_be_in_viewport()
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('.sidebar')"
        ), focused(page)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page.locator(".sidebar")).not_to_be_in_viewport()


def test_a_table_is_sorted(page: Page) -> None:
    page.goto("/playground/network")
    table = page.locator("[data-table=gpus]")
    head = table.locator("th", has_text="On the market")
    tab_to(page, head.get_by_role("button"))
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    counts = [
        int(text.replace("\u202f", ""))
        for text in table.locator("[data-label='On the market']").all_inner_texts()
    ]
    assert counts == sorted(counts, reverse=True)
    page.reload()
    expect(head).to_have_attribute("aria-sort", "descending")
