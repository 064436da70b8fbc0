"""Catalogue pages use the cache of the client and say so; everything else asks the API each time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from bs4 import Tag
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.sdk.client_cache import activity_of

from ..browsing import Visitor, text_of

SERVICES = "/playground/services"
SETTINGS = "/playground/settings"
REQUESTS = "/playground/requests"
DIAGNOSTICS = "/playground/diagnostics"

#: Each catalogue page: its URL, its panel, and the path of its call.
CATALOGUES = [
    (SERVICES, "offers", "/services/mr"),
    (f"{SERVICES}?tab=vpn", "offers", "/services/vpn"),
    (f"{SERVICES}?tab=render", "offers", "/services/render"),
    ("/playground/apps", "apps", "/apps"),
    ("/playground/network", "network", "/network"),
    ("/playground/dashboard", "network", "/network"),
]


@pytest.fixture(autouse=True)
def no_faults_remain(sandbox: SandboxServer) -> Iterator[None]:
    yield
    sandbox.faults.remove_all()


def asked(sandbox: SandboxServer, path: str) -> int:
    """How many requests for a path the sandbox has received."""
    return sum(entry.path == path for entry in sandbox.journal.entries())


def note_of(panel: Tag) -> str:
    """What a panel says about the age of its data; empty if it says nothing."""
    note = panel.select_one(".cache-note, .panel-body > .notice-warn")
    return "" if note is None else text_of(note)


def again(panel: Tag) -> str:
    """The address of "Load again"."""
    (link,) = panel.select(".panel-body [data-reload-panel]")
    assert text_of(link) == "Load again"
    return str(link["href"])


@pytest.mark.parametrize(("url", "name", "path"), CATALOGUES)
def test_a_catalogue_page_is_shown_from_the_cache_and_says_its_age(
    visitor: Visitor, sandbox: SandboxServer, url: str, name: str, path: str
) -> None:
    first, second = visitor.panel(url, name), visitor.panel(url, name)
    assert asked(sandbox, path) == 1
    assert note_of(first) == ""
    assert note_of(second).startswith("From the cache, ")
    assert " s old." in note_of(second)
    facts = second.select_one(".sdk-call-facts")
    assert facts is not None
    assert "from the cache" in text_of(facts)
    assert "attempt" not in text_of(facts)
    third = visitor.panel(again(second), name)
    assert asked(sandbox, path) == 2
    assert note_of(third) == ""
    assert note_of(visitor.panel(url, name)).startswith("From the cache, ")
    assert asked(sandbox, path) == 2, "the answer was kept again"


def test_filters_are_applied_to_the_kept_list(visitor: Visitor, sandbox: SandboxServer) -> None:
    every = visitor.panel(SERVICES, "offers")
    some = visitor.panel(f"{SERVICES}?max_price_usd=1", "offers")
    assert asked(sandbox, "/services/mr") == 1
    assert note_of(some)
    assert len(every.select("tr[id^=offer-]")) > len(some.select("tr[id^=offer-]")) > 0
    assert again(some) == f"{SERVICES}?max_price_usd=1&_fresh=1", "the filter stays"


def test_what_shows_money_or_comes_before_spending_is_always_asked(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    for _ in range(2):
        visitor.page("/playground/dashboard")
        visitor.page("/playground/account")
    for path in ("/accounts", "/sessions", "/nodes"):
        assert asked(sandbox, path) == 2 * (2 if path == "/accounts" else 1), path
    assert asked(sandbox, "/network") == 1 + 2, "Account converts the balance"
    visitor.page(SERVICES)
    visitor.page("/playground/apps")
    for _ in range(2):
        form = visitor.panel(f"{SERVICES}/mr/rent?node_id=9101", "offer")
        assert note_of(form) == ""
    assert asked(sandbox, "/services/mr") == 1 + 2
    assert asked(sandbox, "/apps") == 1 + 2


def test_a_leased_client_asks_each_time(app: Flask, sandbox: SandboxServer) -> None:
    """The runner, the smoke suite, the lab, the connection test, a repeated read."""
    clients = app.extensions["playground"].clients
    config = clients.base_config
    assert config.cache_ttl == 10
    with clients.lease(config, use_cache=True) as caching, clients.lease(config) as asking:
        for _ in range(2):
            caching.network.info()
        assert asked(sandbox, "/network") == 1
        for client in (asking, asking.with_options(total_timeout=9)):
            assert client.network.info().from_cache is False
        assert asked(sandbox, "/network") == 3
    with clients.one_off(config) as client:
        for _ in range(2):
            client.network.info()
    assert asked(sandbox, "/network") == 5


def test_a_change_through_another_copy_empties_the_cache(app: Flask, sandbox: SandboxServer) -> None:
    clients = app.extensions["playground"].clients
    with clients.lease(clients.base_config, use_cache=True) as caching:
        caching.services.mr.list()
        with clients.lease(clients.base_config) as asking:
            asking.services.mr.create(node_id=9101, disk_size=10, image="ubuntu:24.04")
        assert caching.services.mr.list().from_cache is False
    assert asked(sandbox, "/services/mr") == 2 + 1  # two lists and the creation


def test_a_cached_call_is_logged_without_looking_like_a_failure(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    for _ in range(2):
        visitor.page("/playground/network")
    (row,) = [row for row in visitor.page(REQUESTS).select("div.calls tbody tr") if "cache" in text_of(row)]
    assert "failed" not in row.get("class", [])
    cells = {str(cell["data-label"]): text_of(cell) for cell in row.select("[data-label]")}
    assert (cells["Result"], cells["Attempts"]) == ("200 from the cache", "0")
    assert f"http://{cells['Endpoint']}" in sandbox.urls, "the endpoint that sent the answer"
    link = row.select_one("a")
    assert link is not None
    page = visitor.page(str(link["href"]))
    assert "Returned from the cache" in text_of(page)
    copies = [str(button["data-copy"]) for button in page.select("[data-copy]")]
    assert any(f"{url}/network" in text for text in copies for url in sandbox.urls), "curl runs as pasted"
    assert not any("base_url=''" in text for text in copies)


def test_exports_tell_what_came_from_the_cache(visitor: Visitor, sandbox: SandboxServer) -> None:
    for _ in range(2):
        visitor.page("/playground/network")
    har = json.loads(visitor.get(f"{REQUESTS}/log.har").data)
    entries = [entry for entry in har["log"]["entries"] if entry["request"]["url"].endswith("/network")]
    assert [entry["_from_cache"] for entry in entries] == [False, True]
    assert [len(entry["_attempts"]) for entry in entries] == [1, 0]
    assert all(entry["request"]["url"].startswith("http://127.0.0.1:") for entry in entries)
    rows = json.loads(visitor.get(f"{REQUESTS}/log.json").data)
    assert [row["cache"] for row in rows if row["path"] == "/network"] == ["hit", "miss"]


def test_load_again_shows_a_fault_that_the_cache_hides(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post(f"{SETTINGS}/options", max_retries="0")
    visitor.page(SERVICES)
    sandbox.faults.add("status", status=503)
    kept = visitor.panel(SERVICES, "offers")
    assert note_of(kept).startswith("From the cache, ")
    failed = visitor.panel(again(kept), "offers")
    assert failed.select_one(".problem") is not None
    sandbox.faults.remove_all()
    assert visitor.panel(SERVICES, "offers").select_one(".problem") is None, "an error is not kept"


def test_a_stale_answer_is_shown_with_a_warning(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post(f"{SETTINGS}/options", max_retries="0", cache_ttl="0.001", cache_stale="600")
    visitor.page("/playground/network")
    sandbox.faults.add("status", status=503)
    panel = visitor.panel("/playground/network", "network")
    assert panel.select_one(".problem") is None
    assert note_of(panel).startswith("The API failed.")
    facts = panel.select_one(".sdk-call-facts")
    assert facts is not None
    assert "attempt" in text_of(facts)
    row = visitor.page(f"{REQUESTS}?text=/network").select("div.calls tbody tr")[0]
    assert "API failed, 200 from the cache" in text_of(row)
    rows = json.loads(visitor.get(f"{REQUESTS}/log.json").data)
    assert [row["cache"] for row in rows if row["path"] == "/network"] == ["stale", "miss"]
    health = visitor.page(DIAGNOSTICS).select_one("#verdict")
    assert health is not None
    assert "is failing since" in text_of(health)
    failed = visitor.panel(again(panel), "network")
    assert failed.select_one(".problem") is not None


def test_diagnostics_shows_the_cache_of_the_worker(visitor: Visitor, sandbox: SandboxServer) -> None:
    for _ in range(3):
        visitor.page("/playground/network")
    (row,) = visitor.page(DIAGNOSTICS).select("section[aria-labelledby=cache-title] tbody tr")
    cells = {str(cell["data-label"]): text_of(cell) for cell in row.select("[data-label]")}
    assert (cells["From the cache"], cells["Asked the API"], cells["API failed"]) == ("2", "1", "0")
    assert cells["Kept answers"] == "1"
    assert cells["Size"].endswith("B")
    visitor.post(f"{SETTINGS}/options", cache_ttl="0")
    section = visitor.page(DIAGNOSTICS).select_one("section[aria-labelledby=cache-title]")
    assert section is not None
    assert section.select_one("table") is None


def test_settings_switch_the_cache_off(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post(f"{SETTINGS}/options", cache_ttl="0")
    for _ in range(2):
        assert note_of(visitor.panel("/playground/network", "network")) == ""
    assert asked(sandbox, "/network") == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [("cache_ttl", "601"), ("cache_stale", "3601"), ("cache_max_bytes", "4194305"), ("cache_ttl", "-1")],
)
def test_the_options_of_the_cache_have_limits(visitor: Visitor, option: str, value: str) -> None:
    answer = visitor.post(f"{SETTINGS}/options", **{option: value})
    assert answer.status_code == 422
    assert option in answer.get_data(as_text=True)


def test_an_answer_from_the_cache_is_an_activity() -> None:
    """A snapshot is published for the other workers also after a page that asked nothing."""
    stats = {"requests": 3, "cache": {"hits": 4, "misses": 2, "stale": 1, "bytes": 9, "entries": 1}}
    assert activity_of(stats) == 8
    assert activity_of({"requests": 3}) == 3
