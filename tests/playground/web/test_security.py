"""Access checks and security headers."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from octaspace.sandbox import SandboxServer
from playground.web import static_urls

from ..browsing import ORIGIN, Visitor

STYLE = "css/tokens.css"

#: Pages that show payloads.
PAGES = (
    "dashboard", "network", "account", "apps", "nodes", "nodes/9001", "idle-jobs?node=9001&job=41",
    "requests",
)  # fmt: skip


@pytest.fixture
def style(app: Flask) -> str:
    return f"{app.static_url_path}/{STYLE}"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:3000", "127.0.0.1.evil.example", "", "localhost@evil.example", "[::1",
        "localhost:3000:80", "localhost:port", "evil.example, localhost", "a b", "[::ffff:127.0.0.1]", "é",
    ],
)  # fmt: skip
def test_unknown_host_name_is_refused_everywhere(app: Flask, style: str, host: str) -> None:
    bootstrap = f"/bootstrap{app.static_url_path}/css/bootstrap.min.css"
    for path in ("/", "/healthz", "/playground/dashboard", style, bootstrap, "/no/such/page", "/playground/"):
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            # Without a test client, which would have to parse the name.
            environ = {**create_environ(path, method=method), "HTTP_HOST": host}
            body, status, headers = run_wsgi_app(app, environ, buffered=True)
            assert status.startswith("400 "), path
            assert "Set-Cookie" not in headers
            assert headers["Content-Type"].startswith("text/plain")
            assert headers["Content-Security-Policy"]
            assert headers["Cache-Control"] == "no-store"
            assert method == "HEAD" or b"PLAYGROUND_HOSTS" in b"".join(body)


@pytest.mark.parametrize("host", ["localhost:3000", "LOCALHOST", "127.0.0.1:1", "[::1]:3000", "localhost."])
def test_loopback_host_names_are_accepted(visitor: Visitor, host: str) -> None:
    assert visitor.client.get("/healthz", headers={"Host": host}).data == b"ok\n"


def test_every_response_has_the_security_headers(visitor: Visitor, style: str) -> None:
    for path in ("/playground/settings", "/playground/nothing", style, "/healthz"):
        headers = visitor.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
        assert "upgrade-insecure-requests" not in headers["Content-Security-Policy"]


def test_pages_are_not_cached_and_static_files_are(visitor: Visitor, style: str) -> None:
    for path in ("/", "/playground/settings", "/playground/nothing", "/healthz"):
        assert visitor.get(path).headers["Cache-Control"] == "no-store"
    tags = visitor.page("/playground/settings").find_all(["link", "script", "img"])
    files = {str(tag[name]) for tag in tags for name in ("href", "src") if tag.get(name)}
    assert len(files) > 8
    for path in files:
        answer = visitor.get(path)
        assert answer.status_code == 200, path
        assert re.search(r"/[0-9a-f]{12}/", path), "the address changes with the content"
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Set-Cookie" not in answer.headers
        again = visitor.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert "immutable" in again.headers["Cache-Control"], "a file that was asked about stays kept"
    assert visitor.get("/static/000000000000/" + STYLE).status_code == 404
    assert (
        visitor.get(f"{visitor.client.application.static_url_path}/no.css").headers["Cache-Control"]
        == "no-store"
    )


def test_static_url_changes_with_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(static_urls._FOLDER, tmp_path / "static")
    monkeypatch.setattr(static_urls, "_FOLDER", tmp_path / "static")
    before = static_urls.url_path()
    assert static_urls.url_path() == before
    (tmp_path / "static" / STYLE).write_text("/* changed */")
    assert static_urls.url_path() != before


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


@pytest.mark.parametrize(
    ("fetch", "status"),
    [
        ({"Site": "cross-site", "Mode": "navigate", "Dest": "document"}, 200),
        ({"Site": "same-origin", "Mode": "cors", "Dest": "empty"}, 200),
        ({"Site": "none", "Mode": "navigate", "Dest": "document"}, 200),
        ({"Site": "cross-site", "Mode": "no-cors", "Dest": "image"}, 403),
        ({"Site": "same-site", "Mode": "no-cors", "Dest": "script"}, 403),
        ({"Site": "same-site", "Mode": "navigate", "Dest": "iframe"}, 403),
        ({"Site": "cross-site", "Mode": "cors", "Dest": "empty"}, 403),
    ],
)
def test_other_sites_can_link_but_not_load(
    visitor: Visitor, sandbox: SandboxServer, fetch: dict[str, str], status: int
) -> None:
    """Background requests of another site would make calls with the visitor's cookie."""
    headers = {f"Sec-Fetch-{name}": value for name, value in fetch.items()}
    assert visitor.get("/playground/network", headers=headers).status_code == status
    assert bool(sandbox.journal.entries()) == (status == 200)


def test_same_origin_posts_are_accepted(visitor: Visitor) -> None:
    data = {"csrf_token": visitor.token(), "theme": "dark"}
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Referer": f"{ORIGIN}/playground/nodes"}
    answer = visitor.client.post("/playground/theme", data=data, base_url=ORIGIN, headers=headers)
    assert answer.status_code == 303
    other = "http://[::1]:3000"
    page = BeautifulSoup(visitor.get("/playground/settings", base_url=other).get_data(), "html.parser")
    token = page.select('meta[name="csrf-token"]')[0]["content"]
    answer = visitor.client.post(
        "/playground/theme", data={"csrf_token": token}, base_url=other, headers={"Origin": other}
    )
    assert answer.status_code == 303


def test_csrf_token_does_not_expire(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    token = visitor.token()
    later = time.time() + 90 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    answer = visitor.client.post(
        "/playground/theme", data={"csrf_token": token, "theme": "dark"}, base_url=ORIGIN
    )
    assert answer.status_code == 303


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


def test_cookie_is_opaque_and_has_safe_attributes(visitor: Visitor) -> None:
    cookie = visitor.get("/playground/settings").headers["Set-Cookie"]
    assert cookie.startswith("playground_3000=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    over_https = Visitor(visitor.client.application).get("/playground/settings", base_url="https://localhost")
    assert "Secure" in over_https.headers["Set-Cookie"]


def test_cookie_contains_only_id_and_csrf_token(visitor: Visitor) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key="sk-typed-in-a-browser")
    visitor.page("/playground/dashboard")
    session = visitor.session()
    assert set(session) == {"browser", "csrf_token"}
    assert re.fullmatch(r"[\w-]{24}", session["browser"])


def test_cookie_with_a_wrong_signature_is_ignored(visitor: Visitor, app: Flask) -> None:
    visitor.post("/playground/settings/source", kind="sandbox", api_key="sk-typed-in-a-browser")
    content = visitor.session()
    ours = app.secret_key
    for key, seen in ((ours, True), ("guessed by somebody who knows the id", False)):
        stranger = Visitor(app)
        app.secret_key = key
        stranger.save_session(content)
        app.secret_key = ours
        assert ("••••wser" in stranger.page("/playground/settings").get_text()) is seen


def test_missing_page_has_the_layout(visitor: Visitor) -> None:
    answer = visitor.get("/playground/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.get_data(as_text=True)


def test_no_page_has_inline_script_style_or_external_urls(visitor: Visitor) -> None:
    for path in (*PAGES, "diagnostics", "settings"):
        page = visitor.page(f"/playground/{path}")
        for tag in page.find_all(True):
            assert "style" not in tag.attrs
            assert not [name for name in tag.attrs if name.startswith("on")]
            for name in ("src", "href", "action"):
                assert not str(tag.get(name, "/")).startswith(("http", "//", "javascript:")), tag
        assert all(script.get("src") and not script.string for script in page.find_all("script"))


def test_hostile_text_is_not_markup(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    for path in PAGES:
        page = visitor.page(f"/playground/{path}")
        for tag in page.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")]
            assert not str(tag.get("href", "")).startswith(("javascript:", "data:"))
        assert all(script.get("src") for script in page.find_all("script"))
        assert "\u202e" not in str(page)
        assert "\x1b" not in str(page)
