"""Rentals in a browser: the countdown, refreshes that disturb nothing, the keyboard, and no script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from octaspace.rentals import Rental, RentalLedger, open_ledger
from octaspace.sandbox import SandboxServer

from ..support.running_playground import RunningPlayground
from .acting import changes, outcome, rent_relay
from .conftest import NewContext
from .test_keyboard import tab_to
from .watching import Watcher

RENTALS = "/playground/rentals"


@pytest.fixture
def ledger(running: RunningPlayground, sandbox: SandboxServer) -> RentalLedger:
    """The ledger of the running playground, without the entries of earlier tests."""
    ledger = open_ledger(f"sqlite:///{running.state_dir}/rentals.db")
    for rental in ledger.backend.open_rentals():
        ledger.close(rental.id, "session gone")
    for rental in ledger.backend.closed_rentals():
        ledger.backend.remove(rental)
    return ledger


def only(ledger: RentalLedger) -> Rental:
    (rental,) = ledger.backend.open_rentals()
    return rental


def pass_time(page: Page, seconds: int) -> None:
    """Advance the page's clock in steps, so that handlers of responses run in between."""
    for _ in range(seconds):
        page.clock.run_for(1000)
        page.wait_for_timeout(15)


def test_the_deadline_counts_down_and_refreshes_disturb_nothing(page: Page, ledger: RentalLedger) -> None:
    page.clock.install()
    for hours in ("3", "1", "2"):
        rent_relay(page, hours)
    one, two, three = sorted(
        ledger.backend.open_rentals(), key=lambda rental: rental.deadline.wall if rental.deadline else 0
    )
    for rental, name in ((one, "first"), (two, "second"), (three, "third")):
        ledger.change(rental.id, lambda it, name=name: it.changed(name=name))  # type: ignore[misc]
    page.goto(RENTALS)
    page.locator("[data-table=rentals]").get_by_role("button", name="Deadline").click()
    names = page.locator("[data-table=rentals] tbody tr:visible th")
    expect(names).to_contain_text(["first", "second", "third"])
    countdown = page.locator("[data-countdown-span]").first
    before = countdown.inner_text()
    assert before.startswith("in 59 min")
    pass_time(page, 2)
    assert countdown.inner_text() != before
    page.locator("#filter-rentals").fill("ir")  # first and third
    expect(names).to_have_count(2)
    ledger.close(one.id, "deadline passed")
    pass_time(page, 12)
    expect(names).to_contain_text(["third"])
    expect(names).to_have_count(1)
    expect(page.locator("#filter-rentals")).to_be_focused()
    expect(page.locator("#filter-rentals")).to_have_value("ir")
    expect(page.locator("#closed summary")).to_contain_text("(1)")


def test_extend_and_stop_by_keyboard(page: Page, ledger: RentalLedger, sandbox: SandboxServer) -> None:
    rent_relay(page, "1")
    sandbox.journal.clear()
    page.goto("/playground/sessions")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url(RENTALS)
    tab_to(page, page.get_by_role("link", name="Extend nightly"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Stop in"))
    page.keyboard.press("Control+a")
    page.keyboard.type("2.5")
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("nightly will be stopped in 2 h 30 min")
    deadline = only(ledger).deadline
    assert deadline is not None
    assert 8900 < deadline.since(ledger.now()) <= 9000
    assert changes(sandbox) == []
    tab_to(page, page.get_by_role("link", name="Stop nightly"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("button", name="Stop the rental"))
    page.keyboard.press("Enter")
    expect(outcome(page)).to_contain_text("The rental is stopped")
    assert len(changes(sandbox)) == 1
    assert ledger.backend.open_rentals() == []


def test_a_deadline_from_form_to_end_without_script(
    new_context: NewContext, ledger: RentalLedger, sandbox: SandboxServer, watcher: Watcher
) -> None:
    plain = new_context(java_script_enabled=False, viewport={"width": 320, "height": 900}).new_page()
    plain.goto("/playground/services/vpn/rent?node_id=9301")
    plain.get_by_label("Stop after").fill("soon")
    plain.get_by_role("button", name="Review cost").click()
    expect(plain.locator("#max_duration-error")).to_contain_text("number of hours")
    plain.get_by_label("Stop after").fill("1.5")
    plain.get_by_role("button", name="Review cost").click()
    expect(plain.locator("main")).to_contain_text("After 1 h 30 min")
    plain.get_by_role("button", name="Rent now").click()
    expect(outcome(plain)).to_contain_text("Rented")
    plain.goto(RENTALS)
    row = plain.locator("[data-table=rentals] tbody tr")
    expect(row).to_contain_text("in 1 h 29 min")
    expect(row).to_contain_text("UTC")
    row.get_by_role("link", name="Extend").click()
    plain.get_by_label("Stop in").fill("-3")
    with watcher.expecting("HTTP 422: POST .*/extend"):
        plain.get_by_role("button", name="Set the deadline").click()
    expect(plain.locator("#hours-error")).to_contain_text("number of hours")
    plain.get_by_label("Stop in").fill("30")
    plain.get_by_role("button", name="Set the deadline").click()
    expect(outcome(plain)).to_contain_text("1 d 6 h")
    plain.locator("[data-table=rentals]").get_by_role("link", name="Stop").click()
    plain.get_by_role("button", name="Stop the rental").click()
    expect(outcome(plain)).to_contain_text("stopped")
    assert [entry.path.rpartition("/")[2] for entry in changes(sandbox)] == ["vpn", "stop"]
    assert ledger.backend.open_rentals() == []


def test_the_hours_of_settings_fill_the_rent_form(page: Page) -> None:
    page.goto("/playground/settings")
    page.get_by_label("In the sandbox").fill("0.25")
    page.get_by_role("button", name="Save the hours").click()
    expect(outcome(page)).to_contain_text("Rent forms start with these hours")
    page.goto("/playground/services/mr/rent")
    expect(page.get_by_label("Stop after")).to_have_value("0.25")
