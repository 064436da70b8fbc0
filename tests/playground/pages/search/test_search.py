"""Search: pages, methods, and the nodes and sessions that this browser has seen with its current account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from octaspace.sandbox import SandboxServer
from playground.pages.search.entries import Entry, matching
from playground.web.navigation import GROUPS

from ...browsing import Visitor, text_of

SEARCH = "/playground/search"


def entries(visitor: Visitor, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(visitor.get(f"{SEARCH}/entries").data)["entries"]
    return [entry for entry in found if entry["kind"] == kind]


def titles(visitor: Visitor, query: str) -> list[str]:
    page = visitor.page(f"{SEARCH}?q={query}")
    return [text_of(link) for link in page.select(".search-results a")]


def test_it_finds_what_the_browser_has_seen_without_a_call(visitor: Visitor, sandbox: SandboxServer) -> None:
    pages = [page for _, group in GROUPS for page in group]
    assert [entry["title"] for entry in entries(visitor, "Page")] == [page.title for page in pages]
    assert "services.session.stop" in [entry["title"] for entry in entries(visitor, "Method")]
    assert entries(visitor, "Node") == entries(visitor, "Session") == []
    assert sandbox.journal.entries() == []

    visitor.page("/playground/dashboard")  # nodes and sessions
    sandbox.journal.clear()
    ids = [str(node["id"]) for node in sandbox.world.nodes()]
    assert [entry["title"] for entry in entries(visitor, "Node")] == [f"Node {id}" for id in ids]
    uuids = [rental.uuid for rental in sandbox.world.active()]
    assert {entry["url"].rpartition("/")[2] for entry in entries(visitor, "Session")} == set(uuids)
    for kind in ("Page", "Node", "Session", "Method"):
        assert visitor.get(entries(visitor, kind)[0]["url"]).status_code == 200
    assert titles(visitor, ids[3]) == [f"Node {ids[3]}"]
    assert titles(visitor, "stable+diff") == ["Stable Diffusion"]


def test_a_session_that_has_ended_leads_to_the_ended_one(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page("/playground/sessions")
    uuid = sandbox.world.active()[0].uuid
    sandbox.world.sessions.stop(uuid, None)
    visitor.page("/playground/sessions")
    found = [entry for entry in entries(visitor, "Session") if uuid in entry["url"]]
    assert [entry["url"].partition("?")[2] for entry in found] == ["recent=true"]
    assert "ended" in found[0]["hint"]
    assert "Ended session" in text_of(visitor.page(found[0]["url"]).select("h2")[0])


def test_another_key_finds_nothing_of_the_account_before(visitor: Visitor) -> None:
    visitor.page("/playground/nodes")
    assert entries(visitor, "Node")
    visitor.post("/playground/settings/source", kind="sandbox", api_key="another-key-of-the-sandbox")
    assert entries(visitor, "Node") == []
    assert "another-key" not in visitor.get(f"{SEARCH}/entries").get_data(as_text=True)


def test_large_accounts_are_bounded(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="large")
    for page in ("nodes", "sessions", "sessions?tab=recent"):
        visitor.page(f"/playground/{page}")
    nodes = [str(node["id"]) for node in sandbox.world.nodes()]
    assert [entry["title"] for entry in entries(visitor, "Node")] == [f"Node {id}" for id in nodes]
    assert len(nodes) == 700
    assert len(entries(visitor, "Session")) == 100
    assert len(visitor.get(f"{SEARCH}/entries").data) < 120_000
    page = visitor.page(SEARCH)
    assert len(page.select(".search-results li")) == 50


def test_hostile_names_are_texts(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile", ready_after=0.0)
    for page in ("nodes", "sessions", "sessions?tab=recent"):
        visitor.page(f"/playground/{page}")
    found = entries(visitor, "Node") + entries(visitor, "Session")
    assert found
    for entry in found:
        assert entry["url"].startswith(("/playground/nodes/", "/playground/sessions/"))
        assert entry["title"].isprintable()
        assert len(entry["title"]) <= 90
    page = visitor.page(f'{SEARCH}?q=<b>"x')
    assert not page.select("#main b")
    assert str(page.select("#q")[0]["value"]) == '<b>"x'


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("node", ["Nodes", "Node 9001", "Idle nodes"]),  # beginning, then a word
        ("ode", ["Nodes", "Node 9001", "Idle nodes"]),  # anywhere
        ("9001", ["Node 9001"]),
        ("kyiv node", ["Node 9001"]),  # words of the hint
        ("idn", ["Idle nodes"]),  # letters in order
        ("nodes x", []),
        ("", ["Nodes", "Node 9001", "Idle nodes"]),
    ],
)
def test_the_order_is_simple(query: str, expected: list[str]) -> None:
    known = [("Page", "Nodes", ""), ("Node", "Node 9001", "Kyiv"), ("Page", "Idle nodes", "")]
    found = matching([Entry(*each, url="/") for each in known], query)
    assert [entry.title for entry in found] == expected
