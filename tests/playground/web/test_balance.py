"""The balance in the header: refreshed alone or together with a page, and kept after a failure."""

from __future__ import annotations

from bs4 import Tag

from octaspace.sandbox import SandboxServer

from ..browsing import Visitor, text_of

SESSIONS = "/playground/sessions"
BACKGROUND = {"X-Background": "1"}


def asked(sandbox: SandboxServer) -> int:
    return sum(entry.path == "/accounts/balance" for entry in sandbox.journal.entries())


def balance(visitor: Visitor, url: str = "/playground/settings") -> Tag:
    found = visitor.page(url).select_one("#balance")
    assert found is not None
    return found


def test_a_refresh_requests_it_unless_another_tab_has(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page(SESSIONS)
    first = balance(visitor)
    assert float(str(first["data-refresh"])) == 60
    address = str(first["data-refresh-from"])
    second = balance(visitor, address)
    assert float(str(second["data-refresh-at"])) > float(str(first["data-refresh-at"]))
    assert asked(sandbox) == 2
    # A tab with the older balance gets the newer one without a request.
    assert balance(visitor, address)["data-refresh-at"] == second["data-refresh-at"]
    assert asked(sandbox) == 2
    assert balance(visitor, str(second["data-refresh-from"]))["data-refresh-at"] != second["data-refresh-at"]
    assert asked(sandbox) == 3


def test_a_refresh_of_a_page_brings_it_along_when_told_to(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page(SESSIONS)
    for headers, requests in ((BACKGROUND, 1), ({**BACKGROUND, "X-Refresh-Also": "balance"}, 2)):
        visitor.get(f"{SESSIONS}?_panel=sessions", headers=headers)
        assert asked(sandbox) == requests
    assert [entry.path for entry in sandbox.journal.entries()].count("/sessions") == 3


def test_it_stays_when_a_refresh_fails(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    visitor.page(SESSIONS)
    first = balance(visitor)
    sandbox.faults.add("status", status=503, path="/accounts/balance")
    failed = balance(visitor, str(first["data-refresh-from"]))
    assert text_of(failed) == text_of(first)
    assert "OCTA" in text_of(first)
    assert failed["data-refresh-failed"] == "ServiceUnavailableError"
    assert failed["data-refresh-at"] == first["data-refresh-at"]


def test_another_target_is_noticed_by_its_fingerprint(visitor: Visitor) -> None:
    before = balance(visitor)["data-target"]
    visitor.post("/playground/settings/source", kind="sandbox", api_key="another-key-of-the-sandbox")
    assert balance(visitor)["data-target"] != before
    assert balance(visitor, SESSIONS)["data-target"] == balance(visitor)["data-target"]
