"""The list of sessions, its costs and the balance refresh by themselves, and disturb nothing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from octaspace.sandbox import ManualClock, SandboxServer

from ..support.waiting import until
from .acting import exported
from .conftest import NewContext
from .places import open_place, place_of
from .test_refresh import pass_time

SESSIONS = "/playground/sessions"


@pytest.fixture
def stopped(page: Page) -> Page:
    """A page whose clock is advanced by the test."""
    page.clock.install()
    return page


@pytest.fixture
def fetched(page: Page) -> Callable[[], list[str]]:
    """The paths that scripts have fetched by themselves."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "fetch" and "x-background" in request.headers:
            seen.append(urlsplit(request.url).path)

    page.on("request", note)
    return lambda: list(seen)


def test_a_selection_stays_with_its_session(stopped: Page, sandbox: SandboxServer) -> None:
    stopped.goto(SESSIONS)
    table = stopped.locator("[data-table=sessions]")
    table.get_by_role("button", name="Cost so far").click()
    rows = table.locator("tbody tr")
    boxes = [str(box.get_attribute("value")) for box in rows.locator("input").all()]
    assert len(boxes) == 6
    chosen = stopped.locator(f"input[value='{boxes[3]}']")
    chosen.check()
    chosen.focus()
    sandbox.world.sessions.stop(boxes[0], None)
    pass_time(stopped, 22)
    expect(rows).to_have_count(5)
    values = [str(box.get_attribute("value")) for box in rows.locator("input").all()]
    assert values == boxes[1:]
    expect(rows.locator("input:checked")).to_have_count(1)
    expect(chosen).to_be_checked()
    expect(chosen).to_be_focused()
    expect(stopped.locator("#live-region")).to_contain_text("5 active sessions: 5 ready")
    expect(table.locator("[data-table-count]")).to_contain_text("5 sessions")


def test_a_refresh_waits_for_the_user(stopped: Page, fetched: Callable[[], list[str]]) -> None:
    stopped.goto(SESSIONS)
    age = stopped.locator("[data-refresh-age=live]")
    stopped.evaluate("getSelection().selectAllChildren(document.querySelector('#panel-sessions tbody th'))")
    pass_time(stopped, 22)
    expect(age).to_contain_text("paused while text is selected")
    assert fetched() == []
    stopped.evaluate("getSelection().removeAllRanges()")
    stopped.locator("#filter-sessions").fill("st")
    pass_time(stopped, 2)
    assert fetched() == []
    pass_time(stopped, 2)
    until(lambda: stopped.wait_for_timeout(20) or fetched() == [SESSIONS])
    expect(stopped.locator("#filter-sessions")).to_have_value("st")
    stopped.get_by_role("button", name="Pause").click()
    pass_time(stopped, 22)
    expect(age).to_contain_text("paused")
    assert fetched() == [SESSIONS]


def test_one_request_refreshes_sessions_and_balance(
    stopped: Page, fetched: Callable[[], list[str]], sandbox: SandboxServer, clock: ManualClock
) -> None:
    stopped.goto(SESSIONS)
    balance, cost = stopped.locator("#balance"), stopped.locator("tbody [data-cost]").first
    shown = balance.inner_text()
    sandbox.journal.clear()
    clock.advance(3600)
    charged = cost.get_attribute("data-cost")
    pass_time(stopped, 21)
    until(lambda: stopped.wait_for_timeout(20) or cost.get_attribute("data-cost") != charged)
    expect(balance).to_have_text(shown)
    pass_time(stopped, 21)
    until(lambda: stopped.wait_for_timeout(20) or balance.inner_text() != shown)
    assert fetched() == [SESSIONS, SESSIONS]
    asked = [entry.path for entry in sandbox.journal.entries()]
    assert sorted(asked) == ["/accounts/balance", "/sessions", "/sessions"]
    assert {row["source"] for row in exported(stopped)[-3:]} == {"refresh"}


def test_the_balance_refreshes_on_a_quiet_page_and_survives_a_failure(
    stopped: Page, fetched: Callable[[], list[str]], sandbox: SandboxServer, clock: ManualClock
) -> None:
    stopped.goto(SESSIONS)
    stopped.goto("/playground/settings")
    balance = stopped.locator("#balance")
    first = balance.inner_text()
    clock.advance(3600)
    pass_time(stopped, 62)
    until(lambda: stopped.wait_for_timeout(20) or balance.inner_text() != first)
    assert fetched() == ["/playground/balance"]
    second = balance.inner_text()
    assert "OCTA" in second
    assert stopped.locator("#live-region").inner_text() == ""
    # Another page asks for it, and it fails.
    sandbox.faults.add("status", status=403, path="/accounts/balance")
    quiet = stopped.context.new_page()
    until(
        lambda: (
            bool(quiet.goto("/playground/nodes")) and quiet.locator("#balance[data-refresh-failed]").count()
        )
    )
    expect(quiet.locator("#balance")).to_have_text(second)


def test_the_charge_goes_on_in_the_stop_dialog(
    stopped: Page, fetched: Callable[[], list[str]], sandbox: SandboxServer
) -> None:
    open_place(stopped, place_of("session"), sandbox)
    stopped.get_by_role("button", name="Stop", exact=True).click()
    dialog = stopped.locator("dialog#stop")
    charge = dialog.locator("#stop-charge [data-cost]").first
    before, made = charge.inner_text(), len(fetched())
    assert before.endswith(" OCTA")
    pass_time(stopped, 30)
    after = charge.inner_text()
    hourly = float(str(charge.get_attribute("data-cost-per-hour")))
    added = float(after.split()[0].replace("\u202f", "")) - float(before.split()[0].replace("\u202f", ""))
    assert added == pytest.approx(hourly * 30 / 3600, rel=0.1)
    assert not [path for path in fetched()[made:] if not path.endswith("/log")]


def test_one_row_is_counted_in_the_singular(page: Page, sandbox: SandboxServer) -> None:
    for rental in sandbox.world.active()[1:]:
        sandbox.world.sessions.stop(rental.uuid, None)
    page.goto(SESSIONS)
    count = page.locator("[data-table=sessions] [data-table-count]")
    expect(count).to_have_text("1 session")
    page.locator("#filter-sessions").fill("nothing like it")
    expect(count).to_have_text("0 of 1 session")
    page.goto(f"{SESSIONS}?tab=recent")
    expect(page.locator("[data-table=recent] [data-table-count]")).to_contain_text(" sessions")


def test_without_a_script_nothing_speaks_of_refreshing(
    new_context: NewContext, sandbox: SandboxServer
) -> None:
    plain = new_context(java_script_enabled=False).new_page()
    uuid = next(rental.uuid for rental in sandbox.world.active() if rental.service == "mr")
    for address in (SESSIONS, "/playground/rentals", f"{SESSIONS}/{uuid}", f"{SESSIONS}/stop?uuid={uuid}"):
        plain.goto(address)
        for words in ("old", "Checked every", "Pause"):
            expect(plain.get_by_text(words, exact=False).locator("visible=true")).to_have_count(0)
    expect(plain.locator(".endpoints")).to_contain_text("OCTA")
