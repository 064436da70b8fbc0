"""The catalogue: every app with what it needs, found by words, category and card."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer

from ...browsing import Visitor

APPS = "/playground/apps"


def names(visitor: Visitor, query: str = "") -> list[str]:
    return [head.get_text() for head in visitor.page(f"{APPS}?{query}").select(".app h4")]


def facts(visitor: Visitor, name: str) -> dict[str, str]:
    for card in visitor.page(APPS).select(".app"):
        if card.select("h4")[0].get_text() == name:
            pairs = card.select(".pairs > div")
            return {pair.dt.get_text(): pair.dd.get_text(" ", strip=True) for pair in pairs}  # type: ignore[union-attr]
    raise AssertionError(f"no card of {name}")


def test_apps_stand_in_their_categories(visitor: Visitor) -> None:
    page = visitor.page(APPS)
    groups = [head.get_text() for head in page.select('h3[id^="category-"]')]
    assert groups == ["AI", "Databases", "OS", "Render", "Tools"]
    lists = page.select(".catalogue")
    assert [card.get_text() for card in lists[0].select("h4")] == [
        "ComfyUI", "JupyterLab", "Ollama", "Stable Diffusion",
    ]  # fmt: skip


def test_ports_are_read_in_both_shapes(visitor: Visitor) -> None:
    assert facts(visitor, "Stable Diffusion")["Ports"] == "TCP 5000 TCP 6000 HTTP 8080"  # "[5000,6000]"
    assert facts(visitor, "JupyterLab")["Ports"] == "TCP 8888 HTTP 8888"  # [8888]
    assert facts(visitor, "Minimal")["Ports"] == "none"  # absent


def test_ports_that_cannot_be_read_are_none(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="loose")
    assert len(names(visitor)) == 11
    assert facts(visitor, "Ollama")["Ports"] == "TCP 22 HTTP 5000 HTTP 6000"  # [22] and "[5000,6000]"
    assert facts(visitor, "JupyterLab")["Ports"] == "HTTP 22"  # "[22," and [22]


def test_a_card_says_what_an_app_needs(visitor: Visitor) -> None:
    ollama = facts(visitor, "Ollama")
    assert ollama["Minimum VRAM"] == "8 GB"
    assert ollama["Minimum disk"] == "80 GB"
    assert facts(visitor, "Ubuntu 24.04")["Minimum VRAM"] == "no GPU required"


def test_variables_are_named_and_their_values_are_not_shown(visitor: Visitor) -> None:
    assert facts(visitor, "PostgreSQL")["Variables"] == "POSTGRES_PASSWORD"
    assert "change-me" not in visitor.page(APPS).get_text()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=POSTGRES_pass", ["PostgreSQL"]),
        ("text=alpine", ["Minimal"]),
        ("category=Render", ["Blender"]),
        ("vram=5&category=AI", ["JupyterLab"]),
        ("text=nothing+like+this", []),
        ("vram=many&category=Tools", ["Hashcat"]),
    ],
)
def test_the_filter_is_in_the_address(visitor: Visitor, query: str, found: list[str]) -> None:
    assert names(visitor, query) == found


def test_nothing_found_is_said(visitor: Visitor) -> None:
    page = visitor.page(f"{APPS}?text=nothing+like+this")
    assert not page.select(".app")
    assert page.select('#panel-apps .empty a[href="/playground/apps"]')
    field = page.find(id="f-text")
    assert field is not None
    assert field["value"] == "nothing like this"  # type: ignore[index]


def test_an_app_leads_to_renting_with_it(app: Flask, visitor: Visitor) -> None:
    links = [str(link["href"]) for link in visitor.page(f"{APPS}?text=ollama").select(".app a.btn")]
    assert "services.index" in app.view_functions
    asked = parse_qs(urlsplit(links[0]).query)
    assert asked == {"tab": ["mr"], "app": ["249b4cb3-3db1-4c06-98a4-772ba88cd804"]}


def test_an_empty_catalogue_says_what_to_do(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    panel = visitor.panel(APPS, "apps")
    assert "any Docker image" in panel.get_text()


def test_an_error_is_a_card(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=422, path="/apps")
    panel = visitor.panel(APPS, "apps")
    assert "ValidationError" in panel.get_text()
    assert not panel.select(".app")


def test_hostile_ids_travel_in_one_piece(app: Flask, visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="hostile")
    page = visitor.page(APPS)
    assert not page.select("main script, main img")
    links = [str(link["href"]) for link in page.select(".app a.btn")]
    assert len(links) == 11
    assert all(link.startswith("/playground/services?tab=mr&app=") for link in links)
    sent = {parse_qs(urlsplit(link).query)["app"][0] for link in links}
    assert sent == {entry["uuid"] for entry in sandbox.world.initial_state.apps}
