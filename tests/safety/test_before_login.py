"""Before the login nothing of the operator, of other browsers or of the API is visible."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from bs4 import BeautifulSoup
from flask import Flask, abort, request
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

import octaspace
from octaspace.sandbox import SandboxServer
from playground import create_app
from playground.settings import ProcessSettings
from playground.store import StoreError
from tests.playground.browsing import ORIGIN, Visitor
from tests.playground.conftest import process, running_sandbox, sandbox

__all__ = ["process", "running_sandbox", "sandbox"]

PASSWORD = "the-password-of-the-operator"
KEY = "octa-operators-key-with-the-tail-7Hq2"
TYPED_KEY = "octa-typed-in-another-browser-Zx9w"
LOGIN = "/playground/login"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ACCEPT = ("text/html", "application/json", "*/*")


@dataclass
class Guarded:
    """The app with a password, and the secrets that must not be visible before the login."""

    app: Flask
    secrets: Sequence[str]


@pytest.fixture
def guarded(process: ProcessSettings, sandbox: SandboxServer) -> Iterator[Guarded]:
    settings = replace(
        process, password=PASSWORD, operator_key=KEY, operator_urls=tuple(sandbox.urls), sandbox_urls=()
    )
    app = create_app({"PROCESS": settings})

    # In front of the login, as the app's own pages before it are; they fail in every way there is.
    @app.before_request
    def fail() -> None:
        wanted = request.headers.get("X-Fail-With", "")
        if wanted == "error":
            raise KeyError(KEY)
        if wanted == "store":
            raise StoreError(f"the file {settings.state_dir} cannot be used")
        if wanted:
            abort(int(wanted))

    # It has to be asked before `require_login`, which would send the request away first.
    hooks = app.before_request_funcs[None]
    hooks.insert(0, hooks.pop())

    other = Visitor(app)
    page = BeautifulSoup(other.get(LOGIN).get_data(), "html.parser")
    token = page.select('[name="csrf_token"]')[0]["value"]
    entered = other.client.post(LOGIN, data={"csrf_token": token, "password": PASSWORD}, base_url=ORIGIN)
    assert entered.status_code == 303
    other.post("/playground/settings/source", kind="custom", base_urls=sandbox.urls[0], api_key=TYPED_KEY)
    other.page("/playground/account")
    browser = str(other.session()["browser"])
    secrets = [
        KEY, KEY[-4:], TYPED_KEY, TYPED_KEY[-4:], PASSWORD, browser, str(settings.state_dir),
        app.extensions["playground"].secret_key, octaspace.__version__,
        *sandbox.urls, *(url.partition("://")[2] for url in sandbox.urls),
    ]  # fmt: skip
    yield Guarded(app, secrets)
    app.extensions["playground"].close()


def check(guarded: Guarded, answer: TestResponse, where: object) -> None:
    """A response contains none of the secrets, and no part of the layout."""
    text = answer.get_data(as_text=True) + str(answer.headers)
    for secret in guarded.secrets:
        assert secret not in text, (where, secret)
    for frame in ('class="sidebar"', 'class="topbar"', 'class="drawer"', "/playground/settings", "OCTA"):
        assert frame not in text, (where, frame)
    assert "Traceback" not in text, where


def addresses(app: Flask) -> list[str]:
    """Every rule of the app with example values, and unknown URLs."""
    found = {re.sub(r"<[^>]*>", "1", rule.rule) for rule in app.url_map.iter_rules()}
    static = app.static_url_path
    return [
        *sorted(found),
        "/no/such/page", "/playground/nothing", "/playground/nodes/../../etc", "/playground/%00", "//",
        f"{static}/no-such-file.css", f"{static}/../app.py", f"{static}/css", "/bootstrap/static/none.css",
        "/favicon.ico", "/healthz/", "/playground/login/",
    ]  # fmt: skip


def test_no_route_leaks_before_login(guarded: Guarded) -> None:
    seen = set()
    for path in addresses(guarded.app):
        for method in METHODS:
            answer = guarded.app.test_client().open(path, method=method, base_url=ORIGIN, buffered=True)
            check(guarded, answer, (method, path))
            seen.add(answer.status_code)
    assert {200, 303, 404} <= seen
    assert 500 not in seen


@pytest.mark.parametrize("accept", ACCEPT)
def test_no_error_page_leaks_before_login(guarded: Guarded, accept: str) -> None:
    codes = [str(code) for code, kind in default_exceptions.items() if issubclass(kind, HTTPException)]
    assert {"400", "403", "404", "405", "413", "422", "429", "500"} <= set(codes)
    static = f"{guarded.app.static_url_path}/css/tokens.css"
    for wanted in (*codes, "error", "store"):
        for path in (LOGIN, "/healthz", static, "/playground/nodes", "/no/such/page"):
            for method in ("GET", "HEAD", "POST"):
                headers = {"X-Fail-With": wanted, "Accept": accept}
                answer = guarded.app.test_client().open(
                    path, method=method, headers=headers, base_url=ORIGIN, buffered=True
                )
                check(guarded, answer, (wanted, method, path))
                expected = {"error": 500, "store": 503}.get(wanted) or int(wanted)
                assert answer.status_code == expected, (wanted, method, path)


def test_refusals_of_the_login_leak_nothing(guarded: Guarded) -> None:
    client = guarded.app.test_client()
    client.get(LOGIN, base_url=ORIGIN)
    large = {"csrf_token": "x" * 300_000, "password": "x"}
    parts = {f"field-{number}": "x" for number in range(300)}
    refused = {
        "no token": (400, {"data": {"password": PASSWORD}}),
        "forged token": (400, {"data": {"password": PASSWORD, "csrf_token": "made-up"}}),
        "large": (413, {"data": large}),
        "many parts": (413, {"data": parts, "content_type": "multipart/form-data"}),
        "JSON": (400, {"json": {"password": PASSWORD}}),
        "foreign origin": (403, {"data": {}, "headers": {"Origin": "http://evil.example"}}),
    }
    for name, (status, options) in refused.items():
        answer = client.post(LOGIN, base_url=ORIGIN, **options)  # type: ignore[arg-type]
        assert answer.status_code == status, name
        check(guarded, answer, name)
    body, status_line, headers = run_wsgi_app(
        guarded.app, {**create_environ("/playground/login"), "HTTP_HOST": "evil.example"}, buffered=True
    )
    assert status_line.startswith("400 ")
    text = b"".join(body).decode() + str(headers)
    assert [secret for secret in guarded.secrets if secret in text] == []


def test_logout_requires_a_new_login(guarded: Guarded) -> None:
    visitor = Visitor(guarded.app)
    page = BeautifulSoup(visitor.get(LOGIN).get_data(), "html.parser")
    token = page.select('[name="csrf_token"]')[0]["value"]
    visitor.client.post(LOGIN, data={"csrf_token": token, "password": PASSWORD}, base_url=ORIGIN)
    inside = visitor.get("/playground/nothing")
    assert inside.status_code == 404
    assert 'class="sidebar"' in inside.get_data(as_text=True), "those inside keep the frame"
    visitor.post("/playground/logout")
    for path in (f"{guarded.app.static_url_path}/none.css", "/playground/nothing"):
        check(guarded, visitor.get(path), path)
