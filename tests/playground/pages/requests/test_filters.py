"""The filters of the Requests page: source, endpoint and time, all of them in the address."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.pages.requests.views import SOURCES
from playground.store import CALL_SOURCES, RequestLog

from ...browsing import Visitor, text_of

REQUESTS = "/playground/requests"
A, B = "http://127.0.0.1:1", "http://127.0.0.1:2"


def row(path: str, **changes: Any) -> dict[str, Any]:
    return {
        "at": time.time(), "target": "Sandbox", "source": "page", "page": "p", "line": "client.x()",
        "method": "GET", "path": path, "status": 200, "error": None, "elapsed": 0.01, "attempts": 1,
        "retries": 0, "failovers": 0, "endpoint": A, "address": A, "request_id": None, "in_use": None,
        "cache": None,
        "detail": {
            "params": {}, "answer": None, "age": 0.0, "body": None, "public": False, "message": None,
            "expects": "json", "repeatable": True, "headers": {}, "size": 0, "attempts": [],
        },
        **changes,
    }  # fmt: skip


@pytest.fixture
def log(app: Flask, visitor: Visitor) -> RequestLog:
    """The log of the visitor, with a few calls."""
    visitor.post("/playground/settings/options", max_retries="1")
    database = app.extensions["playground"].database
    (browser,) = {browser for browser, _, _ in database.browsers.with_prefix("")}
    log = RequestLog(database, browser)
    now = time.time()
    log.append([
        row("/by-page", at=now - 7200),
        row("/by-refresh", source="refresh", endpoint=B, address=B),
        row("/cached", endpoint="", address=B, cache="hit", attempts=0, at=now - 600),
        row("/by-lab", source="lab", at=now - 2400),
        row("/cached-refresh", source="refresh", endpoint="", address=A, cache="hit", attempts=0),
    ])  # fmt: skip
    return log


def listed(page: BeautifulSoup) -> list[str]:
    return [text_of(link).split(" ")[1] for link in page.select("#main .calls tbody th a")]


def paths(visitor: Visitor, **query: str) -> set[str]:
    """The paths on the page; the exports must have the same."""
    address = urlencode(query)
    found = listed(visitor.page(f"{REQUESTS}?{address}"))
    exported = json.loads(visitor.get(f"{REQUESTS}/log.json?{address}").get_data())
    assert [call["path"] for call in exported] == found
    archive = json.loads(visitor.get(f"{REQUESTS}/log.har?{address}").get_data())
    assert [urlsplit(entry["request"]["url"]).path for entry in archive["log"]["entries"]] == found[::-1]
    return set(found)


def test_each_source_has_a_name() -> None:
    assert tuple(SOURCES) == CALL_SOURCES


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"/by-page", "/cached", "/by-lab"}),
        ({"source": "all"}, {"/by-page", "/cached", "/by-lab", "/by-refresh", "/cached-refresh"}),
        ({"source": "refresh"}, {"/by-refresh", "/cached-refresh"}),
        ({"source": "lab"}, {"/by-lab"}),
        ({"source": "nothing of the kind"}, {"/by-page", "/cached", "/by-lab"}),
        ({"address": B}, {"/cached"}),
        ({"address": B, "source": "all"}, {"/cached", "/by-refresh"}),
        ({"address": A, "source": "all", "status": "cached"}, {"/cached-refresh"}),
        ({"status": "cached"}, {"/cached"}),
        ({"since": "5m"}, set()),
        ({"since": "5m", "source": "all"}, {"/by-refresh", "/cached-refresh"}),
        ({"since": "30m"}, {"/cached"}),
        ({"since": "1h"}, {"/cached", "/by-lab"}),
        ({"since": "1y"}, {"/by-page", "/cached", "/by-lab"}),
        ({"since": "opened", "source": "all"}, set()),
        ({"since": "opened", "opened": f"{time.time() - 3000:.0f}"}, {"/cached", "/by-lab"}),
        ({"since": "opened", "opened": "inf"}, set()),
        ({"since": "opened", "opened": "x"}, set()),
        ({"slower": "nan"}, {"/by-page", "/cached", "/by-lab"}),
        ({"slower": "inf"}, set()),
    ],
)
def test_what_a_filter_shows(
    visitor: Visitor, log: RequestLog, query: dict[str, str], expected: set[str]
) -> None:
    assert paths(visitor, **query) == expected


def test_hidden_calls_are_counted_with_a_link_that_shows_them(visitor: Visitor, log: RequestLog) -> None:
    page = visitor.page(f"{REQUESTS}?address={B}&text=by")
    assert listed(page) == []
    scope = page.select("#log-scope")[0]
    assert text_of(scope).startswith("1 automatic call is hidden")
    address = str(scope.select("a")[0]["href"])
    assert parse_qs(urlsplit(address).query) == {"address": [B], "text": ["by"], "source": ["all"]}
    page = visitor.page(address)
    assert listed(page) == ["/by-refresh"]
    assert text_of(page.select("#main .calls tbody .chip")[0]) == "refresh"
    assert listed(visitor.page(str(page.select("#log-scope a")[0]["href"]))) == []
    for link in page.select(".page-actions a"):
        assert parse_qs(urlsplit(str(link["href"])).query)["source"] == ["all"]


def test_the_drawer_hides_them_as_well(visitor: Visitor, log: RequestLog) -> None:
    drawer = visitor.page("/playground/settings").select("#drawer")[0]
    assert text_of(drawer.select("summary .chip")[0]) == "3 calls"
    assert "/by-refresh" not in text_of(drawer)
    more = drawer.select(".drawer-more a")[0]
    assert text_of(more) == "Show 2 automatic calls"
    assert len(listed(visitor.page(str(more["href"])))) == 5


def test_since_this_page_was_opened_survives_the_form(visitor: Visitor, log: RequestLog) -> None:
    form = visitor.page(REQUESTS).select("#main form.filters")[0]
    opened = str(form.select("[name=opened]")[0]["value"])
    log.append([row("/later"), row("/later-by-itself", source="refresh")])
    query = urlencode({"since": "opened", "opened": opened})
    page = visitor.page(f"{REQUESTS}?{query}")
    assert listed(page) == ["/later"]
    assert page.select("#main form.filters [name=opened]")[0]["value"] == opened
    assert page.select("#f-since [selected]")[0]["value"] == "opened"
    page = visitor.page(str(page.select("#log-scope a")[0]["href"]))
    assert listed(page) == ["/later-by-itself", "/later"]


def test_only_automatic_calls(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.get("/playground/sessions?_panel=sessions", headers={"X-Background": "1"})
    page = visitor.page(REQUESTS)
    assert listed(page) == []
    assert len(listed(visitor.page(str(page.select("#main .empty a")[0]["href"])))) == 1


def test_a_page_beyond_the_end_is_the_last_one(visitor: Visitor, log: RequestLog) -> None:
    log.append([row(f"/number-{number}") for number in range(120)])
    last, beyond = (listed(visitor.page(f"{REQUESTS}?page={page}")) for page in (2, 99))
    assert beyond == last
    assert last
    assert listed(visitor.page(f"{REQUESTS}?page=99&text=number-119")) == ["/number-119"]
