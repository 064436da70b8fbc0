"""Who may call us, and what a browser may do with our answers."""

from __future__ import annotations

import pytest
from flask import Flask

from playground.sandbox import SandboxServer

from .browsing import ORIGIN, Visitor

STYLE = "css/tokens.css"

#: Pages that show payloads.
PAGES = (
    "dashboard", "network", "account", "apps", "nodes", "nodes/9001", "idle-jobs?node=9001&job=41",
    "requests",
)  # fmt: skip


@pytest.fixture
def style(app: Flask) -> str:
    return f"{app.static_url_path}/{STYLE}"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", ""])
def test_a_foreign_name_is_refused_everywhere(visitor: Visitor, style: str, host: str) -> None:
    for path in ("/", "/healthz", "/playground/dashboard", style, "/no/such/page"):
        answer = visitor.client.get(path, headers={"Host": host})
        assert answer.status_code == 400, path
        assert "Set-Cookie" not in answer.headers
        assert "csrf" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", ["localhost:3000", "LOCALHOST", "127.0.0.1:1", "[::1]:3000", "localhost."])
def test_names_of_this_machine_are_answered(visitor: Visitor, host: str) -> None:
    assert visitor.client.get("/healthz", headers={"Host": host}).data == b"ok\n"


def test_every_answer_carries_the_headers(visitor: Visitor, style: str) -> None:
    for path in ("/playground/settings", "/playground/nothing", style, "/healthz"):
        headers = visitor.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
    assert visitor.get("/playground/settings").headers["Cache-Control"] == "no-store"
    assert "immutable" in visitor.get(style).headers["Cache-Control"]
    assert visitor.get("/static/000000000000/" + STYLE).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3001"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_change_from_another_site_is_refused(
    visitor: Visitor, sandbox: SandboxServer, headers: dict[str, str]
) -> None:
    data = {"csrf_token": visitor.token(), "once": "x", "line": "network.info", "count": "1"}
    answer = visitor.client.post("/playground/diagnostics/reads", data=data, base_url=ORIGIN, headers=headers)
    assert answer.status_code == 403
    assert sandbox.journal.entries() == []


def test_a_change_needs_the_token_of_this_browser(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    stolen = Visitor(app).token()
    visitor.token()
    for token in ("", "made-up", stolen):
        data = {"csrf_token": token, "once": "x", "line": "network.info", "count": "1"}
        answer = visitor.client.post("/playground/diagnostics/reads", data=data, base_url=ORIGIN)
        assert answer.status_code == 400
    assert sandbox.journal.entries() == []


def test_the_cookie_is_opaque_and_guarded(visitor: Visitor) -> None:
    cookie = visitor.get("/playground/settings").headers["Set-Cookie"]
    assert cookie.startswith("playground_3000=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    over_https = Visitor(visitor.client.application).get("/playground/settings", base_url="https://localhost")
    assert "Secure" in over_https.headers["Set-Cookie"]


def test_a_missing_page_is_a_page(visitor: Visitor) -> None:
    answer = visitor.get("/playground/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.get_data(as_text=True)


def test_no_page_has_inline_script_style_or_foreign_addresses(visitor: Visitor) -> None:
    for path in (*PAGES, "diagnostics", "settings"):
        page = visitor.page(f"/playground/{path}")
        for tag in page.find_all(True):
            assert "style" not in tag.attrs
            assert not [name for name in tag.attrs if name.startswith("on")]
            for name in ("src", "href", "action"):
                assert not str(tag.get(name, "/")).startswith(("http", "//", "javascript:")), tag
        assert all(script.get("src") and not script.string for script in page.find_all("script"))


def test_nothing_hostile_is_markup(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for path in PAGES:
        page = visitor.page(f"/playground/{path}")
        for tag in page.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")]
            assert not str(tag.get("href", "")).startswith(("javascript:", "data:"))
        assert all(script.get("src") for script in page.find_all("script"))
        assert "\u202e" not in str(page)
        assert "\x1b" not in str(page)
