"""Requests that are refused because of Host or Origin: log and page name the setting that is wrong."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from playground.settings import ProcessSettings

from ..browsing import ORIGIN, Visitor
from ..conftest import MakeApp

#: What a browser sends to https://qa.example, through a proxy that leaves its headers as they are.
BROWSER = {"Origin": "https://qa.example", "Sec-Fetch-Site": "same-origin"}

PASS_HOST = "proxy_set_header Host $http_host"
PASS_SCHEME = "proxy_set_header X-Forwarded-Proto $scheme"


@pytest.fixture
def behind_one_proxy(process: ProcessSettings, make_app: MakeApp) -> Flask:
    return make_app(replace(process, hosts=process.hosts | {"qa.example"}, proxy_hops=1))


@pytest.fixture
def behind_two_proxies(process: ProcessSettings, make_app: MakeApp) -> Flask:
    return make_app(replace(process, hosts=process.hosts | {"qa.example"}, proxy_hops=2))


def refused(app: Flask, base_url: str, **headers: str) -> str:
    """The page of a POST that is refused."""
    answer = app.test_client().post(
        "/playground/theme?token=in-the-query", base_url=base_url,
        headers={**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}},
    )  # fmt: skip
    assert answer.status_code in (400, 403)
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("base_url", "headers", "setting"),
    [
        ("http://qa.example", {}, PASS_SCHEME),
        ("http://qa.example", {"X_Forwarded_Proto": "on"}, PASS_SCHEME),
        ("http://127.0.0.1:3000", {"X_Forwarded_Proto": "https"}, PASS_HOST),
        ("http://127.0.0.1:3000", {}, f"{PASS_HOST}), and the proxy must set X-Forwarded-Proto"),
        ("http://qa.example:3000", {"X_Forwarded_Proto": "https"}, PASS_HOST),
        ("http://qa.example", {"X_Forwarded_Proto": "http"}, "X-Forwarded-Proto of the proxy must be https"),
        (
            "http://127.0.0.1:3000",
            {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "qa.example:443"},
            "X-Forwarded-Host of the proxy must be the browser's Host header",
        ),
    ],
)
def test_a_wrong_setting_of_the_proxy_is_named(
    behind_one_proxy: Flask,
    caplog: pytest.LogCaptureFixture,
    base_url: str,
    headers: dict[str, str],
    setting: str,
) -> None:
    page = refused(behind_one_proxy, base_url, **headers)
    assert "For its operator: " in page
    assert setting in page
    (line,) = caplog.messages
    assert line.startswith("Refused POST /playground/theme: Origin https://qa.example does not match http")
    assert setting in line
    assert "in-the-query" not in line


def test_a_wrong_number_of_proxies_is_named(
    app: Flask, behind_two_proxies: Flask, process: ProcessSettings, make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Without PLAYGROUND_PROXY_HOPS, with PLAYGROUND_HOSTS alone, and with a number that is too high."""
    assert "PLAYGROUND_PROXY_HOPS to the number of proxies" in refused(app, ORIGIN, X_Forwarded_Proto="https")
    trusts_none = make_app(replace(process, hosts=process.hosts | {"qa.example"}))
    page = refused(trusts_none, "http://qa.example", X_Forwarded_Proto="https")
    assert "PLAYGROUND_PROXY_HOPS must be the number of proxies" in page
    page = refused(behind_two_proxies, "http://qa.example", X_Forwarded_Proto="https")
    assert "PLAYGROUND_PROXY_HOPS is greater than the number of proxies" in page
    assert len(caplog.messages) == 3


def test_a_host_name_that_is_not_allowed_is_named_in_the_log_only(
    app: Flask, behind_one_proxy: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    page = refused(app, "http://other.example", X_Forwarded_Host="localhost")
    assert page == "This host name is not allowed; see PLAYGROUND_HOSTS.\n"
    assert caplog.messages[-1] == (
        "Refused POST /playground/theme: Host other.example is not in PLAYGROUND_HOSTS; X-Forwarded-Host is "
        "ignored, because PLAYGROUND_PROXY_HOPS is not set"
    )
    page = refused(behind_one_proxy, "http://qa.example", X_Forwarded_Host="other.example")
    assert "from X-Forwarded-Host" in page
    assert "other.example" not in page
    assert "X-Forwarded-Host other.example is not in PLAYGROUND_HOSTS" in caplog.messages[-1]


def test_a_proxy_that_does_not_pass_on_the_host_is_named(
    app: Flask, behind_one_proxy: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """nginx then sends the name of its upstream, which must not be added to PLAYGROUND_HOSTS."""
    setting = "proxy_set_header Host $http_host"
    page = refused(behind_one_proxy, "http://playground")
    assert page.startswith("This host name is not allowed; see PLAYGROUND_HOSTS.")
    assert setting in page
    assert "Host playground is not in PLAYGROUND_HOSTS" in caplog.messages[-1]
    assert setting in caplog.messages[-1]
    assert setting not in refused(behind_one_proxy, "http://qa.example", X_Forwarded_Host="other.example")
    assert setting not in refused(app, "http://playground"), "there is no proxy"
    assert setting not in caplog.messages[-1]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:3001", "http://[", "\x1b[2J" * 90]
)
def test_a_page_of_another_site_gets_no_advice_about_its_own_address(
    app: Flask, caplog: pytest.LogCaptureFixture, origin: str
) -> None:
    page = refused(app, ORIGIN, Origin=origin)
    assert page.startswith("The request comes from a page of another site.")
    assert "evil" not in page
    (line,) = caplog.messages
    assert line.isprintable()
    assert len(line) < 500


def test_cookies_are_not_logged(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    visitor.page("/playground/settings")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        answer = visitor.client.post("/playground/theme", base_url=ORIGIN, headers=headers)
        assert answer.status_code in (400, 403)
    assert [line.partition(": ")[2] for line in caplog.messages[1:]] == [
        "Sec-Fetch-Site is cross-site",
        "The CSRF token is missing.",
    ]
    cookie = visitor.client.get_cookie("playground_3000", "127.0.0.1")
    assert cookie is not None
    assert cookie.value[:20] not in caplog.text


def test_a_form_without_cookie_or_referrer_says_so(
    behind_one_proxy: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A browser does not send a Secure cookie over http; a proxy may remove the Referer of a form."""
    https = {"X-Forwarded-Proto": "https", "Origin": "https://qa.example"}
    client = behind_one_proxy.test_client()
    client.post("/playground/theme", base_url="http://qa.example", headers=https)
    assert caplog.messages[-1].endswith("The browser sent no cookie with the name playground_3000.")
    page = client.get("/playground/settings", base_url="http://qa.example", headers=https).get_data(
        as_text=True
    )
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found is not None
    answer = client.post(
        "/playground/theme", base_url="http://qa.example", headers=https, data={"csrf_token": found[1]}
    )
    assert "must pass on the headers Referer and Host" in answer.get_data(as_text=True)
    assert caplog.messages[-1].endswith("The referrer header is missing.")
