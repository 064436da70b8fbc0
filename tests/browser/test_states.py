"""Failures of the API, simulated by faults of the sandbox: an error card, and a usable page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.journal import key_digest

from .accessibility import problems_of
from .acting import exported, impatient, set_options, use_key
from .interception import intercept

#: Kind and options of a fault at both endpoints, the error it ends in, and a word of the card.
FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("status", {"status": 401}, "AuthenticationError", "Needs an accepted key"),
    ("status", {"status": 403}, "PermissionError", "Use a key with more permissions"),
    ("status", {"status": 404}, "NotFoundError", "does not exist"),
    ("status", {"status": 422}, "ValidationError", "Correct the fields"),
    ("status", {"status": 429, "retry_after": 90}, "RateLimitError", "Wait 90 s"),
    ("status", {"status": 500}, "ServerError", "Try again later"),
    ("status", {"status": 502}, "BadGatewayError", "Try again later"),
    ("stall", {}, "TimeoutError", "did not answer in time"),
    ("stall_body", {}, "TimeoutError", "did not answer in time"),
    ("drop_after_read", {}, "ConnectionError", "did not answer"),
    ("reset", {}, "ConnectionError", "did not answer"),
    ("refuse", {}, "ConnectionError", "did not answer"),
    ("truncate", {}, "ConnectionError", "did not answer"),
    ("garbage", {}, "InvalidResponseError", "the JSON is invalid"),
    ("html", {}, "InvalidResponseError", "the body is text/html, not JSON"),
]


def name_of(fault: tuple[str, dict[str, Any], str, str]) -> str:
    return f"{fault[0]}-{fault[1].get('status', '')}".rstrip("-")


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_a_failure_is_a_card(
    fault: tuple[str, dict[str, Any], str, str], page: Page, sandbox: SandboxServer
) -> None:
    kind, options, error, words = fault
    key = f"sk-card-{name_of(fault)}"
    limits = {"read_timeout": "0.5", "total_timeout": "3"} if kind.startswith("stall") else {}
    impatient(page, key, max_retries="1", **limits)
    sandbox.faults.add(kind, **options)
    sandbox.journal.clear()
    page.goto("/playground/apps")
    refused = error == "AuthenticationError"
    card = page.locator(f"[data-panel=apps] .{'needs-key' if refused else 'problem'}")
    expect(page.locator("#key-banner")).to_have_count(int(refused))
    if not refused:
        expect(card).to_contain_text(error)
    expect(card).to_contain_text(words)
    assert problems_of(page) == []

    # The log has exactly the attempts that arrived, with their endpoints.
    call = next(row for row in reversed(exported(page)) if row["path"] == "/apps")
    assert call["error"] == error
    arrived = [entry for entry in sandbox.journal.entries() if entry.path == "/apps"]
    logged = [attempt for attempt in call["detail"]["attempts"] if kind != "refuse"]
    assert [int(attempt["endpoint"].rpartition(":")[2]) for attempt in logged] == [
        entry.endpoint for entry in arrived
    ]
    assert {entry.key for entry in arrived} <= {key_digest(key)}
    assert len(call["detail"]["attempts"]) == call["attempts"]

    # The rest is usable, and once all is well so is the panel, in place.
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    sandbox.faults.remove_all()
    page.evaluate("window.same = true")
    again = (
        page.locator("[data-panel=apps] .panel-reload")
        if refused
        else card.get_by_role("link", name="Reload")
    )
    if error == "RateLimitError":
        expect(again).to_have_attribute("aria-disabled", "true")
        page.reload()
    else:
        again.click()
        expect(page.locator("[data-panel=apps] .app").first).to_be_visible()
        assert page.evaluate("window.same")
    expect(card).to_have_count(0)
    expect(page.locator("#key-banner")).to_have_count(0)
    expect(page.locator(".sidebar nav a").first).to_be_visible()


def test_a_wait_is_counted_down_and_ends(page: Page, sandbox: SandboxServer) -> None:
    use_key(page, "sk-counted-down")
    page.clock.install()
    sandbox.faults.add("status", status=429, retry_after=75, path="/apps")
    page.goto("/playground/apps")
    card = page.locator("[data-panel=apps] .problem")
    again = card.get_by_role("link", name="Reload")
    expect(card).to_contain_text("Wait 75 s")
    expect(again).to_have_attribute("aria-disabled", "true")
    page.clock.run_for(70_000)
    expect(card).to_contain_text("Wait 5 s")
    sandbox.faults.remove_all()
    page.clock.run_for(6_000)
    expect(again).not_to_have_attribute("aria-disabled", "true")
    again.click()
    expect(page.locator("[data-panel=apps] .app").first).to_be_visible()


def test_one_panel_of_three(page: Page, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/accounts/balance")
    page.goto("/playground/account")
    expect(page.locator(".problem")).to_have_count(1)
    expect(page.locator("[data-panel=balance]")).to_contain_text("NotFoundError")
    expect(page.locator("[data-panel=profile]")).to_contain_text("Wallet")
    expect(page.locator("[data-panel=network]")).to_contain_text("$0.")


def test_a_panel_that_cannot_be_loaded_again_is_kept_and_greyed(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/network")
    panel = page.locator("[data-panel=network]")
    intercept(page, "**/network?_panel=network&_fresh=1", lambda route: route.abort())
    panel.get_by_role("link", name="Reload Network").click()
    expect(page.locator("#live-region")).to_contain_text("No connection to the playground")
    expect(panel).to_have_class("panel panel-wide is-stale")
    expect(panel).to_contain_text("GPU prices")


def test_a_form_sent_in_place_that_fails_shows_a_notice(page: Page, sandbox: SandboxServer) -> None:
    """Without an answer, a change may have taken effect; the notice is visible, not only announced."""
    page.goto("/playground/diagnostics/smoke")
    intercept(page, "**/playground/diagnostics/smoke", lambda route: route.abort())
    page.locator("form.suite-start button").first.click()
    notice = page.locator("form.suite-start .request-failure")
    expect(notice).to_be_visible()
    expect(notice).to_contain_text("may have been carried out")
    expect(notice.get_by_role("link", name="Requests")).to_be_visible()
    assert sandbox.journal.entries() == []


def test_a_slow_answer_shows_a_loading_bar_and_can_be_cancelled(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/settings")
    sandbox.faults.add("stall", path="/apps")
    # From outside a page cannot be asked while the next one is awaited: it keeps what it saw itself.
    page.evaluate(
        """() => {
          window.seen = [];
          const see = (node) => {
            seen.push(node.className.split(" ")[0]);
            if (!node.matches(".loading-cancel")) return;
            seen.push(document.getElementById("live-region").textContent, node.textContent);
            setTimeout(() => node.click(), 50);
          };
          new MutationObserver((changes) => {
            changes.forEach((change) => change.addedNodes.forEach(see));
          }).observe(document.body, { childList: true });
          document.querySelector(".sidebar [data-go=p]").click();
        }"""
    )
    expect(page.locator("#live-region")).to_have_text("Cancelled.")
    assert page.evaluate("seen") == ["loading-bar", "loading-cancel", "Still loading.", "Cancel"]
    expect(page.locator(".loading-bar, .loading-cancel")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("Settings")


def test_a_page_costs_its_slowest_panel(page: Page, sandbox: SandboxServer) -> None:
    """Every call of the dashboard is under way before the first of them is answered."""
    sandbox.faults.add("slow", seconds=0.4)
    page.goto("/playground/dashboard")
    entries = [entry for entry in sandbox.journal.entries() if entry.fault == "slow"]
    assert len(entries) >= 5
    calls = exported(page)
    begun = [call["at"] for call in calls]
    assert max(begun) < min(call["at"] + call["elapsed"] for call in calls)


@pytest.mark.parametrize("path", ["nodes", "sessions", "apps", "services", "services?tab=vpn", "dashboard"])
def test_empty_page_shows_the_next_step(page: Page, sandbox: SandboxServer, path: str) -> None:
    sandbox.reset(dataset="empty")
    page.goto(f"/playground/{path}")
    empty = page.locator("main .empty").first
    expect(empty).to_be_visible()
    assert len(empty.inner_text()) > 15
    assert problems_of(page) == []


def test_retries_and_failovers_are_what_the_journal_says(page: Page, sandbox: SandboxServer) -> None:
    key = "sk-retries-and-failovers"
    # One of the two is dropped from the rotation soon: the other must be asked until it answers.
    impatient(page, key, max_retries="10", failure_cooldown="60", total_timeout="60")
    first, second = sandbox.ports
    sandbox.faults.add("status", endpoint=first, status=503, probability=0.3)
    sandbox.faults.add("drop_after_read", endpoint=second, count=2)
    sandbox.journal.clear()
    before = len(exported(page))
    page.goto("/playground/diagnostics")
    page.get_by_label("Call", exact=True).select_option("nodes.list")
    page.get_by_label("Number of calls").fill("20")
    page.get_by_role("button", name="Run calls").click()
    expect(page.locator("main > .notice")).to_contain_text("20 calls")

    calls = exported(page)[before:]
    attempts = [attempt for call in calls for attempt in call["detail"]["attempts"]]
    arrived = [entry for entry in sandbox.journal.entries() if entry.key == key_digest(key)]
    assert len(calls) == 20
    assert len(attempts) == len(arrived) > 20

    def counted(pairs: list[tuple[int, int | None]]) -> dict[tuple[int, int | None], int]:
        return {pair: pairs.count(pair) for pair in set(pairs)}

    logged = [(int(attempt["endpoint"].rpartition(":")[2]), attempt["status"]) for attempt in attempts]
    assert counted(logged) == counted([(entry.endpoint, entry.status) for entry in arrived])
    assert [call for call in calls if call["error"]] == []

    page.goto("/playground/requests?status=retried")
    expect(page.locator("#main .calls tbody tr")).to_have_count(
        sum(len(call["detail"]["attempts"]) > 1 for call in calls)
    )


def test_refusing_endpoint_shows_its_cooldown(page: Page, sandbox: SandboxServer) -> None:
    impatient(page, "sk-left-alone", failure_cooldown="60")
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    for _ in range(6):
        page.goto("/playground/diagnostics")
        page.get_by_label("Number of calls").fill("4")
        page.get_by_role("button", name="Run calls").click()
        expect(page.locator("main > .notice")).to_contain_text("0 failed")
        if page.locator("#live .endpoint-state [data-countdown]").count():
            break
    card = page.locator("#live .endpoint-card", has_text=f":{sandbox.ports[0]}")
    expect(card.locator(".badge-state.bad")).to_have_count(1)
    shown = card.locator(".endpoint-state [data-countdown]")
    before = shown.inner_text()
    expect(shown).not_to_have_text(before)


def test_connection_check_names_the_failed_endpoint(page: Page, sandbox: SandboxServer) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    page.goto("/playground/settings")
    page.get_by_role("button", name="Test the connection").click()
    rows = page.locator("#main table.data tbody tr")
    expect(rows.nth(0)).to_contain_text("accepted")
    expect(rows.nth(1)).to_contain_text("no")


def test_invalid_option_shows_an_error_at_its_field(page: Page, watcher: Any) -> None:
    set_options(page, max_retries="4")
    page.locator("#pool_size").fill("many")
    page.locator("#max_retries").fill("-1")
    with watcher.expecting("HTTP 422"):
        page.get_by_role("button", name="Save the options").click()
        expect(page.locator("#pool_size-error")).to_be_visible()
    expect(page.locator("#max_retries-error")).to_be_visible()
    expect(page.locator("#pool_size")).to_have_value("many")
    assert problems_of(page) == []
    page.goto("/playground/settings")
    expect(page.locator("#max_retries")).to_have_value("4")
