"""Requests of scripts that fail: a notice at the button says what happened and where to look."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from octaspace.sandbox import SandboxServer

from ..support.running_playground import RunningPlayground
from .accessibility import colour_problems_of, problems_of
from .acting import changes
from .conftest import NewContext
from .interception import intercept
from .watching import Watcher

RUNNER = "/playground/diagnostics/runner"
PASSWORD = "open sesame, please"

FOREIGN = "<!doctype html><title>Wi-Fi</title><h1>Log in to the hotel network</h1>"
BUSY = "<!doctype html><p data-failure data-nothing-done>This server is busy. Nothing was done.</p>"
BROKEN = (
    "<!doctype html><title>Broken</title><p data-failure>The server log has the details under 1234abcd.</p>"
)

#: Status and body of an answer, words of the notice, and whether it says where to look.
ANSWERS: list[tuple[int, str, str, bool]] = [
    (
        403,
        "The request comes from a page of another site.\n",
        "HTTP 403. The request comes from a page",
        False,
    ),
    (400, BROKEN.replace("server log", "form"), "HTTP 400. The form has the details", False),
    (429, BUSY, "HTTP 429. This server is busy. Nothing was done.", False),
    (503, BUSY, "HTTP 503. This server is busy. Nothing was done.", False),
    (503, BROKEN, "HTTP 503. The server log has the details", True),
    (500, BROKEN, "HTTP 500. The server log has the details under 1234abcd.", True),
    (502, "<h1>502 Bad Gateway</h1>", "HTTP 502. The answer is not from the playground.", True),
    (200, FOREIGN, "not the expected page of the playground", True),
]


def notice(page: Page) -> Locator:
    return page.locator(".request-failure")


def press_run(page: Page) -> None:
    page.locator("#runner form").get_by_role("button", name="Run").locator("visible=true").first.click()


def ask_to_reboot(page: Page, sandbox: SandboxServer) -> Locator:
    """Open the question before a change in the runner; the button that sends it."""
    page.goto(f"{RUNNER}?method=nodes.reboot")
    page.locator("#arg-id").fill(str(sandbox.world.nodes()[0]["id"]))
    press_run(page)
    button = page.get_by_role("button", name="Send the change")
    expect(button).to_be_visible()
    return button


def test_a_lost_answer_to_a_change(page: Page, sandbox: SandboxServer) -> None:
    """The server has carried it out; the notice is where the button is, in both themes and on a phone."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    button = ask_to_reboot(page, sandbox)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    intercept(page, "**/runner/run", lose)
    button.click()
    expect(notice(page)).to_contain_text("No connection to the playground: it failed, or was lost")
    expect(notice(page)).to_contain_text("It may have been carried out. Check Sessions, Rentals and Requests")
    expect(notice(page)).to_have_attribute("role", "alert")
    expect(notice(page)).to_be_in_viewport()
    expect(page.locator("#live-region")).to_be_empty()
    assert notice(page).bounding_box()["y"] > button.bounding_box()["y"]  # type: ignore[index]
    assert len(changes(sandbox)) == 1
    page.set_viewport_size({"width": 320, "height": 800})
    assert problems_of(page) == []
    page.emulate_media(color_scheme="dark")
    assert colour_problems_of(page) == []

    page.unroute("**/runner/run")
    button.click()
    expect(page.locator("#run")).to_contain_text("HTTP 200")
    expect(notice(page)).to_have_count(0)
    assert len(changes(sandbox)) == 1, "the second press shows the outcome of the first"


def test_what_the_answer_says(page: Page, sandbox: SandboxServer, watcher: Watcher) -> None:
    button = ask_to_reboot(page, sandbox)
    answer: list[tuple[int, str]] = []

    def give(route: Route) -> None:
        status, body = answer[-1]
        kind = "text/html" if body.startswith("<") else "text/plain"
        route.fulfill(status=status, body=body, content_type=kind)

    intercept(page, "**/runner/run", give)
    with watcher.expecting("HTTP [45].*/runner/run"):
        for status, body, words, unknown in ANSWERS:
            answer.append((status, body))
            button.click()
            expect(notice(page)).to_contain_text(words)
            expect(notice(page)).to_have_count(1)
            assert ("may have been carried out" in notice(page).inner_text()) is unknown
            assert ("othing was done" in notice(page).inner_text()) is not unknown
    assert changes(sandbox) == []
    notice_link = notice(page).get_by_role("link", name="Rentals")
    notice_link.click()
    expect(page.locator("h1")).to_have_text("Rentals")


def test_no_answer_in_time(page: Page, sandbox: SandboxServer) -> None:
    page.clock.install()
    page.goto(f"{RUNNER}?method=network.info")
    intercept(page, "**/runner/run", lambda route: None)
    press_run(page)
    page.clock.run_for(131_000)
    expect(notice(page)).to_contain_text("No answer arrived within 130 s. The result could not be loaded.")
    page.unroute("**/runner/run")
    press_run(page)
    expect(page.locator("#run")).to_contain_text("HTTP 200")


def test_offline(page: Page, sandbox: SandboxServer) -> None:
    """Every request of a script: a form, a poll, a panel, the theme, the palette, the report, a refresh."""
    sandbox.faults.add("stall", path="/apps")
    page.goto(f"{RUNNER}?method=apps.list")
    press_run(page)
    cancel = page.locator("#run").get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".poll-failure")).to_contain_text(
        "this browser is offline. The progress below is outdated."
    )
    cancel.click()
    expect(notice(page)).to_contain_text("It may have been carried out.")
    press_run(page)
    expect(notice(page)).to_contain_text("The result could not be loaded. Try again.")
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator(".topbar .request-failure")).to_contain_text("The theme was not saved.")
    expect(notice(page)).to_have_count(1)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette [role=status]")).to_contain_text("could not be loaded. No connection")
    page.keyboard.press("Escape")
    page.context.set_offline(False)
    cancel.click()
    expect(page.locator("#run")).to_contain_text("cancelling")
    sandbox.faults.remove_all()
    expect(page.locator("#run")).to_contain_text("cancelled")
    expect(page.locator(".poll-failure, .request-failure")).to_have_count(0)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/playground/diagnostics")
    page.context.set_offline(True)
    page.get_by_role("button", name="Copy incident report").click()
    expect(notice(page)).to_contain_text("The report that was copied is as old as this page.")
    page.locator("[data-refresh-now]").first.click()
    expect(page.locator(".refresh-failure")).to_contain_text(
        "Refresh failed: No connection to the playground"
    )
    page.context.set_offline(False)
    page.locator("[data-refresh-now]").first.click()
    expect(page.locator(".refresh-failure")).to_have_count(0)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlayground]:
    """A playground with a password."""
    environment = {"PLAYGROUND_PASSWORD": PASSWORD}
    with RunningPlayground(tmp_path_factory.mktemp("guarded"), workers=1, environment=environment) as running:
        yield running


def test_logged_out_in_another_tab(
    new_context: NewContext, guarded: RunningPlayground, watcher: Watcher
) -> None:
    page = new_context(base_url=guarded.url).new_page()
    page.goto("/playground/login")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/playground/dashboard")
    page.goto("/playground/diagnostics/lab")
    page.context.clear_cookies()
    with watcher.expecting("HTTP 401"):
        page.get_by_role("button", name="Send calls", exact=True).click()
        expect(notice(page)).to_contain_text("You are logged out. Nothing was done. Log in")
        page.keyboard.press("Control+k")
        expect(page.locator("#palette [role=status]")).to_contain_text("You are logged out. Log in")
        page.keyboard.press("Escape")
    assert changes(guarded.sandbox) == []
    notice(page).get_by_role("link", name="Log in").click()
    expect(page).to_have_url(re.compile("/playground/login$"))
