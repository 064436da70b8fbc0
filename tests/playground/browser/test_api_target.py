"""A key is used only with the endpoints and the browser it was typed for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import Tag
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.browser import api_target
from playground.browser.api_target import ApiTarget
from playground.browser.state import Browser
from playground.settings import ProcessSettings

from ...support.fault_server import Exchange, FaultServer, http
from ..browsing import Visitor, text_of
from ..conftest import MakeApp

KEY = "sk-typed-in-a-browser-1234"
SETTINGS = "/playground/settings"
PAGES = ("dashboard", "network", "diagnostics", "requests", "settings")


def keys_seen(sandbox: SandboxServer) -> set[str | None]:
    return {entry.key for entry in sandbox.journal.entries() if entry.path != "/network"}


def test_new_browser_uses_the_sandbox(visitor: Visitor) -> None:
    source = visitor.page("/playground/dashboard").select_one(".topbar .source")
    assert source is not None
    assert "Sandbox" in source.get_text()


def test_saved_key_is_used_and_never_shown(
    visitor: Visitor, app: Flask, sandbox: SandboxServer, process: ProcessSettings
) -> None:
    visitor.page("/playground/dashboard")
    before = keys_seen(sandbox)
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key=KEY))
    sandbox.journal.clear()
    pages = [visitor.get(f"/playground/{name}").get_data(as_text=True) for name in PAGES]
    assert len(keys_seen(sandbox)) == 1
    assert keys_seen(sandbox) != before
    exports = [
        visitor.get(f"/playground/requests/log.{kind}?source=all").get_data(as_text=True)
        for kind in ("json", "har")
    ]
    cookies = [str(visitor.get(SETTINGS).headers)]
    assert not [text for text in (*pages, *exports, *cookies) if KEY in text]
    assert "••••1234" in pages[0]

    other = Visitor(app)
    assert "1234" not in str(other.page("/playground/settings").select_one(".facts"))
    readable = [
        path for path in process.state_dir.rglob("*") if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert [path for path in readable if KEY.encode() in path.read_bytes()] == []
    assert process.state_dir.stat().st_mode & 0o077 == 0


def test_public_calls_carry_no_key(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page("/playground/network")
    keys = {entry.path: entry.key for entry in sandbox.journal.entries()}
    assert keys["/network"] is None


def test_other_endpoint_has_no_key_and_the_old_key_is_kept(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key=KEY)
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0]))
    sandbox.journal.clear()
    page = visitor.page("/playground/dashboard")
    assert keys_seen(sandbox) == {None}
    assert not page.select(".problem")
    assert page.select('[data-panel="profile"] .needs-key')
    assert len(page.select('#key-banner a[href^="/playground/settings"]')) == 1
    page = visitor.follow(visitor.post(f"{SETTINGS}/source", kind="sandbox"))
    assert "••••1234" in page.get_text()


def test_empty_field_keeps_the_key_and_forget_removes_it(visitor: Visitor) -> None:
    visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key=KEY)
    assert "••••1234" in visitor.follow(visitor.post(f"{SETTINGS}/source", kind="sandbox")).get_text()
    page = visitor.follow(visitor.post(f"{SETTINGS}/source", kind="sandbox", forget="yes"))
    assert "1234" not in page.get_text()


def test_the_operators_key_goes_to_the_operators_endpoints_only(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer
) -> None:
    operator, typed = sandbox.urls
    app = make_app(
        replace(process, sandbox_urls=(), operator_key="operators-own-key", operator_urls=(operator,))
    )
    visitor = Visitor(app)
    visitor.page("/playground/dashboard")
    owned = keys_seen(sandbox)
    assert None not in owned
    sandbox.journal.clear()
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=typed))
    visitor.page("/playground/dashboard")
    assert keys_seen(sandbox) == {None}
    sandbox.journal.clear()
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=operator))
    visitor.page("/playground/dashboard")
    assert keys_seen(sandbox) == {None}, "a typed endpoint does not get the operator's key"


def test_key_repeated_by_the_api_is_masked_everywhere(visitor: Visitor, app: Flask) -> None:
    key = 'sk-"typed"-in-a-browser-1234'

    def repeat(exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        sent = arrival.headers.get("authorization", "none")
        status = 500 if arrival.path == "/accounts/balance" else 200
        body = json.dumps({"email": sent, sent: [f"before {sent} after"], "message": sent}).encode()
        exchange.send(http(status, body, {"X-Repeated": sent}))
        return True

    with FaultServer(after=repeat) as api:
        visitor.post(f"{SETTINGS}/options", max_retries="0")
        visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=api.url, api_key=key))
        visitor.follow(visitor.post(f"{SETTINGS}/test"))
        shown = []
        for page in (*PAGES, "account", "apps", "dashboard?_raw=profile", "account?_raw=profile"):
            shown.append(visitor.get(f"/playground/{page}").get_data(as_text=True))
        for link in visitor.page("/playground/requests").select("#main .calls th a"):
            shown.append(visitor.get(str(link["href"])).get_data(as_text=True))
        for kind in ("json", "har"):
            shown.append(visitor.get(f"/playground/requests/log.{kind}?source=all").get_data(as_text=True))
        assert key in {arrival.headers.get("authorization") for arrival in api.journal}
    assert len(shown) > 12
    assert any("before *** after" in text for text in shown)
    seen = [text[max(0, at - 200) : at + 60] for text in shown if (at := text.find("-in-a-browser-1234")) > 0]
    assert seen == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_urls", "file:///etc/passwd"),
        ("base_urls", "http://user:secret@example.org"),
        ("base_urls", ""),
        ("api_key", "two\nlines"),
        ("api_key", "schlüssel-\u4e2d"),
    ],
)
def test_invalid_target_is_refused_and_the_old_one_kept(visitor: Visitor, field: str, value: str) -> None:
    fields = {"kind": "custom", "base_urls": "http://127.0.0.1:9", field: value}
    answer = visitor.post(f"{SETTINGS}/source", **fields)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert "Sandbox" in str(visitor.page(SETTINGS).select_one(".topbar .source"))


def test_only_allowed_endpoints_are_accepted(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer
) -> None:
    app = make_app(replace(process, allowed_endpoints=(sandbox.urls[0],)))
    visitor = Visitor(app)
    refused = visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[1])
    assert refused.status_code == 422
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0]))


def test_concurrent_key_saves_do_not_overwrite_each_other(
    visitor: Visitor, app: Flask, sandbox: SandboxServer
) -> None:
    with app.test_request_context("/"):
        first, second = Browser("one browser"), Browser("one browser")
        here, there = (ApiTarget("custom", (url,)) for url in sandbox.urls)
        assert first.with_key(here).key is None
        assert second.with_key(there).key is None
        first.save_key(here, "key-of-the-first-tab")
        second.save_key(there, "key-of-the-second-tab")
        after = Browser("one browser")
        assert after.with_key(here).key == "key-of-the-first-tab"
        assert after.with_key(there).key == "key-of-the-second-tab"
        after.save_key(here, None)
        assert Browser("one browser").with_key(here).key is None
        assert Browser("one browser").with_key(there).key == "key-of-the-second-tab"


def test_endpoint_no_longer_allowed_is_not_used(
    process: ProcessSettings, make_app: MakeApp, sandbox: SandboxServer
) -> None:
    first, second = sandbox.urls
    visitor = Visitor(make_app(replace(process, sandbox_urls=(first,))))
    visitor.follow(visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=second, api_key=KEY))
    sandbox.journal.clear()
    visitor.client.application = make_app(replace(process, sandbox_urls=(first,), allowed_endpoints=()))
    visitor.page("/playground/dashboard")
    entries = sandbox.journal.entries()
    assert {entry.endpoint for entry in entries} == {sandbox.ports[0]}
    assert len({entry.key for entry in entries if entry.key}) == 1
    visitor.client.application = make_app(replace(process, sandbox_urls=(first,)))
    assert "••••1234" in visitor.page(SETTINGS).get_text(), "used again once allowed"


def test_form_is_bound_to_its_api_target(visitor: Visitor, sandbox: SandboxServer) -> None:
    """A form of a tab for the sandbox is refused after another tab has switched the target."""
    page = visitor.page("/playground/nodes/9001")
    form = page.find("form", attrs={"action": "/playground/nodes/9001/reboot"})
    assert isinstance(form, Tag)
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.find_all("input")}
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=sandbox.urls[0], api_key=KEY)
    sandbox.journal.clear()
    page = visitor.follow(visitor.post(str(form["action"]), **fields))
    assert "this page was loaded for another API or key" in page.get_text()
    assert [entry.path for entry in sandbox.journal.entries() if entry.change] == []

    visitor.post(f"{SETTINGS}/source", kind="sandbox")
    fields["once"] = "another" + fields["once"]
    visitor.follow(visitor.post(str(form["action"]), **fields))
    assert [entry.path for entry in sandbox.journal.entries() if entry.change] == ["/nodes/9001/reboot"]


def test_secret_key_is_shared_by_all_workers(process: ProcessSettings, make_app: MakeApp) -> None:
    first, second = make_app(process), make_app(process)
    assert first.secret_key == second.secret_key
    path: Path = process.state_dir / "secret_key"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("endpoints", "label", "badge"),
    [
        (("https://api.octa.space",), "Live", "live"),
        (("https://api.octa.space", "https://api.octa.computer"), "Live", "live"),
        (("https://API.octa.space./v2",), "Live", "live"),
        (("https://api.octa.space", "https://gateway.example"), "Live +1", "live"),
        (
            ("https://gateway.example:8443", "https://a.example", "https://api.octa.computer"),
            "Live +2",
            "live",
        ),
        (("https://gateway.example:8443",), "gateway.example:8443", "custom"),
        (("https://gateway.example", "https://api.octa.space.example"), "gateway.example +1", "custom"),
    ],
)
def test_one_endpoint_of_the_live_api_is_enough_to_be_live(
    endpoints: tuple[str, ...], label: str, badge: str
) -> None:
    for kind in ("live", "custom"):
        target = ApiTarget(kind, endpoints)
        assert (target.label, target.badge, target.is_live) == (label, badge, badge == "live")
    sandbox = ApiTarget("sandbox", endpoints)
    assert (sandbox.label, sandbox.badge, sandbox.is_live) == ("Sandbox", "sandbox", False)


def test_one_live_endpoint_requires_confirmation(
    visitor: Visitor, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = "\n".join(["http://localhost:" + str(sandbox.ports[1]), sandbox.urls[0]])
    monkeypatch.setattr(api_target, "_LIVE_HOSTS", frozenset({"127.0.0.1"}))
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls=urls, api_key=KEY)
    page = visitor.follow(visitor.post("/playground/account/wallet"))
    assert "the text typed to confirm does not match" in page.get_text()
    assert [entry for entry in sandbox.journal.entries() if entry.change] == []


@pytest.mark.parametrize(
    ("fault", "key", "words", "well"),
    [
        (None, KEY, "key is accepted", True),
        (None, "", "There is no key", True),
        ({"kind": "status", "status": 401}, KEY, "key was refused (401)", False),
        ({"kind": "status", "status": 403}, KEY, "key was refused (403)", False),
        (
            {"kind": "status", "status": 500, "path": "/accounts/balance"},
            KEY,
            "key could not be tested: GET /accounts/balance: 500",
            False,
        ),
        ({"kind": "refuse"}, KEY, "key could not be tested: GET /network", False),
    ],
)
def test_connection_check_reports_its_result(
    visitor: Visitor, sandbox: SandboxServer, fault: dict[str, Any] | None, key: str, words: str, well: bool
) -> None:
    visitor.post(f"{SETTINGS}/source", kind="custom", base_urls="\n".join(sandbox.urls), api_key=key)
    if fault:
        sandbox.faults.add(fault["kind"], **{name: value for name, value in fault.items() if name != "kind"})
    tested = visitor.post(f"{SETTINGS}/test")
    saved = visitor.post(f"{SETTINGS}/source", kind="custom", base_urls="\n".join(sandbox.urls), api_key=key)
    for answer in (tested, saved):
        page = visitor.follow(answer)
        notice = page.select('main > .notice[role="status"]')[0]
        assert words in text_of(notice)
        assert ("notice-ok" in notice["class"]) is well
        assert len(page.select("[aria-labelledby='findings-title'] tbody tr")) == 2
    assert "Saved" in text_of(notice)
    if key:
        assert "••••1234" in page.get_text(), "it is saved whatever comes of the test"
    assert bool(page.select("#key-banner")) is ("401" in words)


def test_sandbox_keys_are_documented_if_there_is_a_sandbox(
    process: ProcessSettings, make_app: MakeApp, visitor: Visitor
) -> None:
    assert {"invalid", "readonly"} <= {
        text_of(key) for key in visitor.page(SETTINGS).select("#api_key-help code")
    }
    alone = Visitor(make_app(replace(process, sandbox_urls=())))
    assert "sandbox" not in text_of(alone.page(SETTINGS).select("#api_key-help")[0]).lower()


def test_local_actions_do_not_name_the_target(visitor: Visitor) -> None:
    visitor.page("/playground/network")
    assert "Sandbox" not in text_of(visitor.page("/playground/requests").select("#clear-log")[0])
    assert "On Sandbox" in text_of(visitor.page("/playground/nodes/9001").select("#reboot")[0])
