"""Scripts that ask by themselves while the server is away or something else answers, and when it is back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from octaspace.sandbox import ManualClock, SandboxServer

from ..support.waiting import until
from .acting import changes, outcome
from .interception import intercept
from .test_once import rental
from .test_request_failures import BUSY, FOREIGN
from .watching import Watcher

#: Status and body of an answer, and what is said of it; status 0 for a connection that fails.
Answer = tuple[int, str, str]

ANSWERS: list[Answer] = [
    (0, "", "No connection to the playground: it failed, or was lost before the answer arrived."),
    (403, "The request comes from a page of another site.\n", "HTTP 403. The request comes from a page of"),
    (401, "", "You are logged out."),
    (503, BUSY, "HTTP 503. This server is busy."),
    (502, "<h1>502 Bad Gateway</h1>", "HTTP 502. The answer is not from the playground."),
]

#: Answers in place of a page, and in place of a file or of JSON.
INSTEAD_OF_A_PAGE = [*ANSWERS, (200, FOREIGN, "The answer is not the expected page of the playground.")]
INSTEAD_OF_DATA = [
    *ANSWERS,
    (200, FOREIGN, "The answer is not from the playground."),
    (500, "<p data-failure>The server log has it.</p>", "HTTP 500. The server log has it."),
    (200, '{"status": "maintenance"}', "The answer is not from the playground."),
]


@contextmanager
def failing(
    page: Page, address: str | re.Pattern[str], watcher: Watcher
) -> Iterator[Callable[[int, str], None]]:
    """Within the block, requests to an address get the answer that was set last."""
    current: list[tuple[int, str]] = [(0, "")]

    def answer(route: Route) -> None:
        status, body = current[-1]
        if not status:
            route.abort("connectionrefused")
            return
        kind = (
            "text/html" if body.startswith("<") else "application/json" if body[:1] in "{[" else "text/plain"
        )
        route.fulfill(status=status, body=body, content_type=kind)

    intercept(page, address, answer)
    with watcher.expecting("HTTP [45]"):
        yield lambda status, body: current.append((status, body))
    page.unroute(address)


def advance_until(page: Page, place: Locator, words: str) -> None:
    """Advance the clock of the page until a place says something."""
    advance(page, lambda: words in (place.text_content() or ""))


def advance(page: Page, is_over: Callable[[], bool]) -> None:
    """Advance the clock of the page until something is so; answers arrive in between."""

    def step() -> bool:
        page.clock.run_for(4_000)
        page.wait_for_timeout(40)
        return is_over()

    until(step, within=60)


@pytest.fixture
def page(page: Page) -> Page:
    """A page whose clock is advanced by the test."""
    page.clock.install()
    return page


def test_the_watch_of_a_reboot(
    page: Page, sandbox: SandboxServer, clock: ManualClock, watcher: Watcher
) -> None:
    page.goto("/playground/nodes/9001")
    page.get_by_role("button", name="Reboot").first.click()
    page.locator("dialog[open]").get_by_role("button", name="Reboot").click()
    watch = page.locator("#reboot-watch")
    expect(watch).to_contain_text("Waiting for the node")
    with failing(page, re.compile("_panel=node"), watcher) as give:
        for status, body, words in INSTEAD_OF_A_PAGE:
            give(status, body)
            advance_until(page, watch, f"The last check failed. {words}")
            assert watch.inner_text().count("The last check failed") == 1
            expect(watch.get_by_role("link", name="Log in")).to_have_count(int(status == 401))
    expect(page.locator("#live-region")).to_contain_text(f"The last check failed. {ANSWERS[0][2]}")
    clock.advance(30)
    advance_until(page, page.locator("#live-region"), "is back")
    expect(outcome(page)).to_contain_text("is back")
    expect(watch).to_have_count(0)
    assert len(changes(sandbox)) == 1


def test_a_followed_log(page: Page, sandbox: SandboxServer, clock: ManualClock, watcher: Watcher) -> None:
    uuid = next(rental.uuid for rental in sandbox.world.active() if rental.number == 1)
    page.goto(f"/playground/sessions/{uuid}")
    state = page.locator("[data-follow-state]")
    lines = page.locator("[data-log=container] .log-line:not(.log-note)")
    before = lines.count()
    with failing(page, re.compile("/log[?]"), watcher) as give:
        for status, body, words in INSTEAD_OF_DATA:
            give(status, body)
            advance_until(page, state, f"The log cannot be read: {words}")
            expect(state.get_by_role("link", name="Log in")).to_have_count(int(status == 401))
    clock.advance(60)
    advance_until(page, state, "Live.")
    advance(page, lambda: lines.count() > before)
    texts = lines.all_text_contents()
    assert len(texts) == len(set(texts)), "each line arrives once: the cursor is that of the last good answer"


def test_the_wait_for_an_outcome(page: Page, sandbox: SandboxServer, watcher: Watcher) -> None:
    rental(page, sandbox)
    question = page.url
    stalled = sandbox.faults.add("stall", methods=["POST"])
    page.evaluate(
        """() => {
          const form = document.querySelector('form[action*="/rent/"]:has([type=submit])');
          fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => {});
        }"""
    )
    until(lambda: changes(sandbox))
    page.goto(question)
    waiting = page.locator("#outcome-pending")
    expect(waiting).to_contain_text("The request is under way")
    with failing(page, "**/playground/outcome/*", watcher) as give:
        for status, body, words in INSTEAD_OF_A_PAGE:
            give(status, body)
            advance_until(page, waiting, f"The last check failed. {words}")
            assert waiting.inner_text().count("The last check failed") == 1
            expect(waiting.get_by_role("link", name="Log in")).to_have_count(int(status == 401))
    advance(page, lambda: "last check" not in (waiting.text_content() or ""))
    sandbox.faults.remove_fault(stalled.id)
    advance(page, lambda: "/outcome/" not in page.url)
    expect(outcome(page)).to_contain_text("may have been carried out")
    assert len(changes(sandbox)) == 1


def test_a_download_that_fails(page: Page, sandbox: SandboxServer, watcher: Watcher) -> None:
    page.goto("/playground/nodes/9001/log")
    button = page.get_by_role("button", name="Download full log")
    notice = page.locator(".request-failure")
    with failing(page, "**/nodes/9001/logs", watcher) as give:
        for status, body, words in INSTEAD_OF_DATA:
            give(status, body)
            button.click()
            expect(notice).to_contain_text(words)
            expect(notice).to_contain_text("The file could not be loaded.")
            expect(page.locator("[data-download-text]")).to_have_text("Download failed.")
    with page.expect_download() as download:
        button.click()
    assert download.value.path().read_bytes() == sandbox.world.own_node(9001).log()
    expect(notice).to_have_count(0)
