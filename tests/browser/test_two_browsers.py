"""Two browsers with two keys: neither sees data of the other, and a saved key is never sent back."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable

import pytest
from playwright.sync_api import Page, expect

from octaspace.sandbox import SandboxServer
from octaspace.sandbox.journal import key_digest

from ..support.running_playground import RunningPlayground
from .acting import open_order, use_key
from .conftest import NewContext
from .places import AREAS, PLACES, Place, open_place, place_of

KEY_A = "sk-of-the-first-person-Aq7zA1b2"
KEY_B = "sk-of-the-second-person-Bw5xC3d4"


def received(page: Page, sandbox: SandboxServer, places: Iterable[Place]) -> list[str]:
    """Everything a browser receives: URLs, headers, pages, exports, cookies, storage."""
    texts: list[str] = []
    page.on("response", lambda answer: texts.append(json.dumps([answer.url, answer.headers])))
    for place in places:
        open_place(page, place, sandbox)
        texts.append(page.content())
    for kind in ("json", "har"):
        texts.append(page.request.get(f"/playground/requests/log.{kind}?source=all").text())
    return [*texts, json.dumps(page.context.storage_state())]


def test_key_is_not_visible(
    new_context: NewContext, running: RunningPlayground, sandbox: SandboxServer
) -> None:
    first, second = new_context().new_page(), new_context().new_page()
    use_key(first, KEY_A)
    use_key(second, KEY_B)
    sandbox.journal.clear()
    first_received = received(first, sandbox, PLACES)
    assert {entry.key for entry in sandbox.journal.entries()} == {key_digest(KEY_A), None}
    sandbox.journal.clear()
    second_received = received(second, sandbox, (*AREAS["overview"], *AREAS["own"], place_of("diagnostics")))
    assert {entry.key for entry in sandbox.journal.entries()} == {key_digest(KEY_B), None}

    assert [text for text in first_received if KEY_A in text or KEY_B in text or KEY_B[-4:] in text] == []
    assert [text for text in second_received if KEY_A in text or KEY_B in text or KEY_A[-4:] in text] == []
    assert any(f"••••{KEY_A[-4:]}" in text for text in first_received)
    assert KEY_A not in running.log()
    assert running.state_dir.stat().st_mode & 0o077 == 0
    readable = [
        path
        for path in running.state_dir.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert [path for path in readable if KEY_A.encode() in path.read_bytes()] == []


def test_browsers_do_not_see_each_other(new_context: NewContext, sandbox: SandboxServer) -> None:
    first, second = new_context().new_page(), new_context().new_page()
    open_order(first, int(sandbox.world.initial_state.mr[0]["node_id"]))
    question = first.url
    first.get_by_role("button", name="Rent now").click()
    outcome = first.url
    first.goto("/playground/requests")
    call = first.locator("#main .calls th a").first.get_attribute("href")

    second.goto(question)
    expect(second.locator('main a[href*="/sessions/"]')).to_have_count(0)
    second.goto(outcome)
    expect(second.locator("main > .notice")).to_have_count(0)
    second.goto("/playground/requests")
    expect(second.locator("#main .calls .method-POST")).to_have_count(0)
    assert second.request.get(str(call)).status == 404
    cookie = next(iter(first.context.cookies()))
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"


def test_cross_site_requests_change_nothing(
    new_context: NewContext, running: RunningPlayground, sandbox: SandboxServer
) -> None:
    """Foreign Host, foreign Origin, no token, another browser's token: refused, and nothing arrives."""
    page, other = new_context().new_page(), new_context().new_page()
    page.goto("/playground/account")
    other.goto("/playground/account")
    sandbox.journal.clear()
    own, foreign = (
        str(each.locator("meta[name=csrf-token]").get_attribute("content")) for each in (page, other)
    )
    address = f"{running.url}/playground/account/wallet"

    def post(token: str, **headers: str) -> int:
        form = {"csrf_token": token, "once": "one-of-its-own"}
        return int(page.request.post(address, form=form, headers=headers, max_redirects=0).status)

    assert post("") == 400
    assert post(foreign) == 400
    assert post(own, Origin="http://evil.example") == 403
    assert post(own, Host="evil.example") == 400
    assert sandbox.journal.entries() == []
    assert post(own, Origin=running.url) == 303
    assert [entry.method for entry in sandbox.journal.entries() if entry.change] == ["POST"]


@pytest.mark.parametrize("key", ["readonly", "invalid"])
def test_keys_with_fewer_permissions_are_distinguished(page: Page, sandbox: SandboxServer, key: str) -> None:
    use_key(page, key)
    page.goto("/playground/account")
    if key == "invalid":
        expect(page.locator("[data-panel=profile] .needs-key")).to_be_visible()
        expect(page.locator("#key-banner").get_by_role("link", name="Settings")).to_be_visible()
        return
    page.get_by_role("button", name="Generate a wallet").click()
    page.get_by_role("button", name="Generate wallet").click()
    expect(page.locator("main > .outcome .problem")).to_contain_text("PermissionError")
