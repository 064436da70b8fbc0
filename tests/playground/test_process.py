"""What the operator decides: where it listens, who may come in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from playground.process import ProcessSettings, StartError, is_loopback

from .browsing import Visitor
from .conftest import MakeApp

GUARDED = {"PLAYGROUND_PASSWORD": "open sesame", "PLAYGROUND_HOSTS": "qa.example, QA2.example"}


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:3000", "localhost:3000", "[::1]:3000", "127.1.2.3:1", "unix:/run/x"]
)
def test_loopback(bind: str) -> None:
    assert is_loopback(bind)


@pytest.mark.parametrize("bind", ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000", ":3000", "qa.example:80"])
def test_an_address_for_others_needs_password_and_names(bind: str, tmp_path: Path) -> None:
    for missing in GUARDED:
        environment = {"PLAYGROUND_BIND": bind, **GUARDED}
        del environment[missing]
        with pytest.raises(StartError, match=missing):
            ProcessSettings.read(environment, tmp_path)
    settings = ProcessSettings.read({"PLAYGROUND_BIND": bind, **GUARDED}, tmp_path)
    assert {"qa.example", "qa2.example", "localhost"} <= settings.hosts
    assert settings.allowed_endpoints == ()
    assert "open sesame" not in repr(settings)


def test_the_operators_endpoints_come_from_the_sdks_variables(tmp_path: Path) -> None:
    read = ProcessSettings.read
    assert read({}, tmp_path).operator_urls == ("https://api.octa.space",)
    assert read({"OCTA_BASE_URL": "http://a/"}, tmp_path).operator_urls == ("http://a",)
    both = {"OCTA_BASE_URL": "http://a", "OCTA_BASE_URLS": "http://b, http://c"}
    assert read(both, tmp_path).operator_urls == ("http://b", "http://c")
    with pytest.raises(StartError, match="PROXY_HOPS"):
        read({"PLAYGROUND_PROXY_HOPS": "many"}, tmp_path)


def test_the_password_is_asked_for_first(process: ProcessSettings, make_app: MakeApp) -> None:
    visitor = Visitor(make_app(replace(process, password="open sesame")))
    for path in ("/", "/playground/settings", "/playground/nothing"):
        assert visitor.get(path).headers.get("Location", "").endswith("/login"), path
    assert visitor.get("/healthz").status_code == 200
    before = visitor.get("/playground/login").headers["Set-Cookie"]

    def enter(password: str) -> int:
        field = visitor.page("/playground/login").find(attrs={"name": "csrf_token"})
        data = {"csrf_token": field["value"], "password": password}  # type: ignore[index]
        return visitor.client.post(
            "/playground/login", data=data, base_url="http://127.0.0.1:3000"
        ).status_code

    assert enter("wrong") == 401
    assert enter("open sesame") == 303
    after = visitor.get("/playground/settings")
    assert after.status_code == 200
    assert before not in str(after.headers)
    visitor.post("/playground/logout")
    assert visitor.get("/playground/settings").status_code == 303


def test_guessing_is_slowed_down(process: ProcessSettings, make_app: MakeApp) -> None:
    app = make_app(replace(process, password="open sesame"))
    statuses = []
    for guess in range(7):
        visitor = Visitor(app)
        field = visitor.page("/playground/login").find(attrs={"name": "csrf_token"})
        data = {"csrf_token": field["value"], "password": str(guess)}  # type: ignore[index]
        answer = visitor.client.post("/playground/login", data=data, base_url="http://127.0.0.1:3000")
        statuses.append(answer.status_code)
    assert statuses[:5] == [401] * 5
    assert 429 in statuses[5:]
