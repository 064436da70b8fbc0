"""User actions in the playground that several tests need."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from octaspace.sandbox import Entry, SandboxServer

__all__ = [
    "changes",
    "exported",
    "impatient",
    "open_order",
    "outcome",
    "rent_relay",
    "set_options",
    "use_key",
]


def outcome(page: Page) -> Locator:
    """The notice with the outcome of a form."""
    return page.locator("main > .notice, main > .outcome").first


def use_key(page: Page, key: str) -> None:
    """Save a key for the sandbox in Settings."""
    page.goto("/playground/settings")
    page.get_by_label("api_key for the selected endpoints").fill(key)
    page.get_by_role("button", name="Save endpoints and key").click()
    expect(outcome(page)).to_contain_text("This browser now uses")


def set_options(page: Page, **options: str) -> None:
    """Save options of the client in Settings."""
    page.goto("/playground/settings")
    for name, value in options.items():
        field = page.locator(f"#{name}")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Save the options").click()
    expect(outcome(page)).to_contain_text("Saved for this browser")


def impatient(page: Page, key: str, **options: str) -> None:
    """Give this browser a separate client that retries at once and that no other test has used.

    The forms of Settings are sent without checks; separate tests check them.
    """
    found = page.request.get("/playground/settings").text()
    token = re.search(r'name="csrf-token" content="([^"]+)"', found)
    assert token is not None
    limits = {"retry_interval": "0.01", "backoff_factor": "1", **options}
    for form, fields in (("source", {"kind": "sandbox", "api_key": key}), ("options", limits)):
        answer = page.request.post(
            f"/playground/settings/{form}",
            form={"csrf_token": token[1], "once": f"{key}-{form}", **fields},
            max_redirects=0,
        )
        assert answer.status == 303


def open_order(page: Page, node_id: int, service: str = "mr") -> None:
    """Fill the form of a rental and go on to its confirmation."""
    page.goto(f"/playground/services/{service}/rent?node_id={node_id}")
    if service == "mr":
        page.locator("#image").fill("ubuntu:24.04")
    if service != "vpn":
        page.locator("#disk_size").fill("10")
    page.get_by_role("button", name="Review cost").click()
    expect(page.locator("h1")).to_contain_text("Rent this")


def rent_relay(page: Page, hours: str = "4") -> None:
    """Rent a VPN relay with a deadline. The forms are sent without checks; separate tests check them."""
    form = "/playground/services/vpn/rent"
    fields = {"step": "review", "node_id": "9301", "subkind": "wg", "max_duration": hours, "name": "nightly"}
    found = page.request.get("/playground/settings").text()
    token = re.search(r'name="csrf-token" content="([^"]+)"', found)
    assert token is not None
    asked = page.request.post(form, form={"csrf_token": token[1], **fields}, max_redirects=0)
    question = asked.headers["location"]
    answer = page.request.post(question, form={"csrf_token": token[1]}, max_redirects=0)
    assert answer.headers["location"].startswith("/playground/sessions/")


def exported(page: Page) -> list[dict[str, Any]]:
    """The request log of this browser as JSON, oldest first."""
    answer = page.request.get("/playground/requests/log.json?source=all")
    rows: list[dict[str, Any]] = answer.json()
    return rows[::-1]


def changes(sandbox: SandboxServer) -> list[Entry]:
    """The changes that arrived, carried out or not."""
    return [entry for entry in sandbox.journal.entries() if entry.change]
