"""A change reaches the API once, however often it is submitted, reloaded or opened."""

from __future__ import annotations

import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer

from ..support.running_playground import RunningPlayground, answers
from ..support.waiting import until
from .acting import changes, open_order, outcome, set_options, use_key
from .conftest import NewContext
from .places import open_place, place_of

Open = Callable[[Page, SandboxServer], None]


def rental(page: Page, sandbox: SandboxServer) -> None:
    open_order(page, int(sandbox.world.initial_state.mr[0]["node_id"]))


def reboot(page: Page, sandbox: SandboxServer) -> None:
    open_place(page, place_of("node"), sandbox)
    page.locator("[data-open-dialog=reboot]").click()


def wallet(page: Page, sandbox: SandboxServer) -> None:
    page.goto("/playground/account")
    page.get_by_role("button", name="Generate a wallet").click()


def stop(page: Page, sandbox: SandboxServer) -> None:
    open_place(page, place_of("session"), sandbox)
    page.locator("[data-open-dialog=stop]").click()


def several(page: Page, sandbox: SandboxServer) -> None:
    open_place(page, place_of("sessions-stop"), sandbox)


#: How to come to the question, its button, what is said afterwards, and how many requests it is.
CHANGES: dict[str, tuple[Open, str, str, int]] = {
    "rental": (rental, "Rent now", "Rented", 1),
    "reboot": (reboot, "Reboot", "Reboot of node", 1),
    "wallet": (wallet, "Generate wallet", "New wallet created", 1),
    "stop": (stop, "Stop the session", "The session is stopped", 1),
    "several": (several, "Stop 2 sessions", "2 of 2 sessions stopped", 2),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("scripted", [True, False], ids=["script", "plain"])
def test_a_double_click(name: str, scripted: bool, new_context: NewContext, sandbox: SandboxServer) -> None:
    come, button, words, requests = CHANGES[name]
    page = new_context(java_script_enabled=scripted).new_page()
    come(page, sandbox)
    sandbox.faults.add("slow", seconds=0.3, methods=["POST"])
    page.locator("dialog[open], main").last.get_by_role("button", name=button).dblclick()
    expect(outcome(page)).to_contain_text(words)
    assert len(changes(sandbox)) == requests


def test_back_resubmit_and_reload(page: Page, sandbox: SandboxServer) -> None:
    stop(page, sandbox)
    page.get_by_role("button", name="Stop the session").click()
    expect(outcome(page)).to_contain_text("The session is stopped")
    after = page.url
    page.go_back()
    # The page behind Back is loaded again, or comes out of memory with its button: either way nothing is
    # sent.
    button = page.get_by_role("button", name="Stop the session", include_hidden=True)
    if button.count():
        button.evaluate("button => button.form.requestSubmit()")
        expect(outcome(page)).to_contain_text("The session is stopped")
    page.goto(after)
    page.reload()
    page.reload()
    assert len(changes(sandbox)) == 1


def test_the_same_form_sent_again_shows_the_same_result(page: Page, sandbox: SandboxServer) -> None:
    """As after Back in a browser that kept the page: the old token is sent again."""
    wallet(page, sandbox)
    dialog = page.locator("dialog[open]")
    token = dialog.locator("[name=once]").input_value()
    dialog.get_by_role("button", name="Generate wallet").click()
    expect(outcome(page)).to_contain_text("New wallet created")
    first = outcome(page).inner_text()
    wallet(page, sandbox)
    dialog.locator("[name=once]").evaluate("(field, token) => { field.value = token }", token)
    dialog.get_by_role("button", name="Generate wallet").click()
    expect(outcome(page)).to_have_text(first)
    assert len(changes(sandbox)) == 1


def test_two_tabs_with_one_order(page: Page, sandbox: SandboxServer) -> None:
    rental(page, sandbox)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Rent now").click()
    expect(outcome(page)).to_contain_text("Rented")
    other.get_by_role("button", name="Rent now").click()
    expect(outcome(other)).to_contain_text("Rented")
    assert other.url == page.url
    page.go_back()
    expect(page.locator("main form")).to_have_count(0)
    expect(page.locator('main a[href*="/sessions/"]')).to_have_count(1)
    assert [entry.operation for entry in changes(sandbox)] == ["rent_machines"]


def test_a_tab_waits_for_the_order_that_another_has_sent(page: Page, sandbox: SandboxServer) -> None:
    """Its script goes to the session as soon as the answer is there."""
    rental(page, sandbox)
    question = page.url
    sandbox.faults.add("slow", seconds=6, methods=["POST"])
    page.evaluate("document.querySelector('form[action*=\"/rent/\"] [type=submit]').click()")
    until(lambda: changes(sandbox))
    other = page.context.new_page()
    other.goto(question)
    expect(other).to_have_url(re.compile("/playground/outcome/"))
    expect(other.locator("main")).to_contain_text("The request is under way")
    expect(outcome(other)).to_contain_text("Rented")
    expect(outcome(page)).to_contain_text("Rented")
    assert other.url == page.url
    assert len(changes(sandbox)) == 1


def test_rejection_shows_its_reason_and_can_be_corrected(page: Page, sandbox: SandboxServer) -> None:
    refused = next(iter(sandbox.world.initial_state.refusals))
    open_order(page, refused)
    page.get_by_role("button", name="Rent now").click()
    card = page.locator("main > .outcome .problem")
    expect(card).to_contain_text("ProvisionRejectedError")
    expect(card).to_contain_text(sandbox.world.initial_state.refusals[refused][1])
    expect(page.locator("#image")).to_have_value("ubuntu:24.04")
    assert len(changes(sandbox)) == 1


@pytest.mark.parametrize("kind", ["drop_after_read", "reset", "truncate", "stall"])
def test_lost_answer(page: Page, sandbox: SandboxServer, kind: str) -> None:
    """The change took effect; the page says that it may have, and does not send it again."""
    use_key(page, f"sk-lost-{kind}")
    if kind == "stall":
        set_options(page, read_timeout="0.5")
    rental(page, sandbox)
    sandbox.faults.add(kind, methods=["POST"])
    page.get_by_role("button", name="Rent now").click()
    card = page.locator("main > .outcome .problem[data-outcome-unknown]")
    expect(card).to_contain_text("may have been carried out")
    assert [entry.carried_out for entry in changes(sandbox)] == [True]


def workers_that_know(running: RunningPlayground, cookie: str, words: str) -> set[int]:
    """Send many concurrent requests to reach every worker; return those whose page has the text."""

    def ask(_: int) -> str | None:
        request = urllib.request.Request(f"{running.url}/playground/diagnostics", headers={"Cookie": cookie})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            assert error.code == 429, "more pages at a time than a browser may load"
            return None

    with ThreadPoolExecutor(8) as threads:
        pages = [page for page in threads.map(ask, range(32)) if page is not None]
    assert all(words in text for text in pages)
    return {int(pid) for text in pages for pid in re.findall(r"<dt>\s*Worker\s*</dt>\s*<dd>(\d+)", text)}


def test_worker_crash_with_four_workers(tmp_path: Path, new_context: NewContext) -> None:
    """Settings, log and tokens are shared by all workers; a change of a crashed worker is not sent again."""
    with RunningPlayground(tmp_path, workers=4) as running:
        page = new_context(base_url=running.url).new_page()
        use_key(page, "sk-known-to-all-workers-7777")
        cookie = "; ".join(f"{each['name']}={each['value']}" for each in page.context.cookies())
        until(lambda: workers_that_know(running, cookie, "••••7777") == set(running.worker_pids()), within=60)

        rental(page, running.sandbox)
        question = page.url
        fault = running.sandbox.faults.add("stall", methods=["POST"])
        page.evaluate("document.querySelector('form[action*=\"/rent/\"] [type=submit]').click()")
        until(lambda: changes(running.sandbox))
        before = running.worker_pids()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(running.worker_pids()) - set(before)) == 4 and answers(running.url), within=60)
        running.sandbox.faults.remove_fault(fault.id)

        page = page.context.new_page()
        page.goto(question)
        expect(page.locator("main form")).to_have_count(0)
        # The page waits by itself if the session is not listed yet; the reaper may find it first.
        known = re.compile("It was rented: the (list of sessions has it|rental ledger has its session)")
        expect(page.locator("main")).to_contain_text(known, timeout=60_000)
        assert [entry.carried_out for entry in changes(running.sandbox)] == [True]
        page.goto("/playground/sessions")
        expect(page.locator("[data-table=sessions] tbody tr")).to_have_count(7)
