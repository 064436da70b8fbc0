"""Settings, the request log, diagnostics, and forms that act once."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.browser.client_options import OPTIONS, OptionError, parse_option

from ..browsing import Visitor, text_of

SETTINGS = "/playground/settings"
REQUESTS = "/playground/requests"


def test_every_option_has_a_field_with_its_meaning(visitor: Visitor) -> None:
    page = visitor.page(SETTINGS)
    for option in OPTIONS:
        assert page.find(id=option.name), option.name
        assert option.meaning, option.name


def test_an_option_is_saved_for_this_browser_alone(app: Flask, visitor: Visitor) -> None:
    page = visitor.follow(visitor.post(f"{SETTINGS}/options", keep_alive="false", max_retries="5"))
    assert "max_retries=5" in page.get_text()
    assert "standard" in str(page.select_one(".facts"))
    assert "persistent" in str(Visitor(app).page(SETTINGS).select_one(".facts"))
    page = visitor.follow(visitor.post(f"{SETTINGS}/reset"))
    assert "persistent" in str(page.select_one(".facts"))


def test_a_wrong_option_is_said_at_its_field_and_nothing_is_saved(visitor: Visitor) -> None:
    answer = visitor.post(f"{SETTINGS}/options", max_retries="-1", pool_size="many", read_timeout="3")
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert 'id="max_retries-error"' in text
    assert 'id="pool_size-error"' in text
    assert "0 changed" in visitor.page(SETTINGS).get_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [("pool_size", "65"), ("read_timeout", "none"), ("total_timeout", "3600"), ("ssl_verify", "/etc/hosts")],
)
def test_one_browser_cannot_take_the_server(name: str, text: str) -> None:
    with pytest.raises(OptionError, match=name):
        parse_option(name, text)


def test_the_connection_test_tries_each_endpoint(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post(f"{SETTINGS}/source", kind="sandbox", api_key="invalid")
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    page = visitor.follow(visitor.post(f"{SETTINGS}/test"))
    rows = [row.get_text(" ", strip=True) for row in page.select("#main table.data tbody tr")]
    assert len(rows) == 2
    notice = text_of(page.select('.notice-warn[role="status"]')[0])
    assert f"No answer from {sandbox.urls[1]}." in notice
    assert "key was refused (401)" in notice
    assert "refused" in rows[0]
    assert "yes" in rows[0]
    assert "no" in rows[1]


def test_calls_that_a_script_makes_by_itself_are_marked_and_hidden(visitor: Visitor) -> None:
    visitor.get("/playground/account?_panel=balance", headers={"X-Background": "1"})
    visitor.page("/playground/network")

    def sources(query: str = "") -> list[tuple[str, str]]:
        rows = json.loads(visitor.get(f"{REQUESTS}/log.json{query}").data)
        return [(row["path"], row["source"]) for row in rows]

    assert sources() == [("/network", "page")]
    assert ("/accounts/balance", "refresh") in sources("?source=refresh")
    assert {source for _, source in sources("?source=all")} == {"page", "refresh"}


def test_the_log_is_filtered_shown_exported_and_cleared(visitor: Visitor) -> None:
    visitor.page("/playground/dashboard")
    assert len(visitor.page(REQUESTS).select("#main .calls tbody tr")) == 5
    rows = visitor.page(f"{REQUESTS}?text=NODES&method=GET&status=ok").select("#main .calls tbody tr")
    assert len(rows) == 1
    link = rows[0].select("th a")[0]
    detail = visitor.page(str(link["href"]))
    assert "client.nodes.list()" in detail.get_text()
    assert "curl --fail-with-body" in detail.get_text()
    exported = json.loads(visitor.get(f"{REQUESTS}/log.json").data)
    har = json.loads(visitor.get(f"{REQUESTS}/log.har?text=nodes").data)["log"]
    assert len(exported) == 5
    assert har["version"] == "1.2"
    assert har["entries"][0]["response"]["status"] == 200
    assert "authorization" not in json.dumps([exported, har]).lower()
    page = visitor.follow(visitor.post(f"{REQUESTS}/clear"))
    assert "was cleared" in page.get_text()
    assert "No calls yet" in page.get_text()


def test_another_browsers_calls_are_not_seen(app: Flask, visitor: Visitor) -> None:
    visitor.page("/playground/network")
    link = visitor.page(REQUESTS).select("#main .calls th a")[0]
    other = Visitor(app)
    assert other.get(str(link["href"])).status_code == 404
    assert json.loads(other.get(f"{REQUESTS}/log.json").data) == []


def test_a_form_sent_twice_acts_once_and_shows_the_same(visitor: Visitor, sandbox: SandboxServer) -> None:
    answers = [
        visitor.post("/playground/diagnostics/reads", once="twice", line="network.info", count="3")
        for _ in range(2)
    ]
    assert len(sandbox.journal.entries()) == 3
    pages = [visitor.follow(answer).select_one(".notice") for answer in answers]
    assert str(pages[0]) == str(pages[1])
    assert "3 calls" in str(pages[0])


def test_an_outcome_is_not_taken_from_the_address(visitor: Visitor) -> None:
    page = visitor.page(f"{SETTINGS}?done=Your+account+is+blocked")
    assert "blocked" not in page.get_text()


def test_diagnostics_show_pools_and_cooldowns(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.follow(visitor.post("/playground/diagnostics/reads", line="network.info", count="8"))
    pools = visitor.page("/playground/diagnostics").select('[aria-labelledby="pools-title"] tbody tr')
    assert len(pools) == 2
    assert sum(int(row.select('[data-label="Created"]')[0].get_text()) for row in pools) >= 2
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    visitor.post("/playground/diagnostics/reads", line="network.info", count="4")
    page = visitor.page("/playground/diagnostics")
    assert "1 of 2 endpoints works" in text_of(page.select("#verdict")[0])
    assert page.select(".endpoint-card [data-countdown]")


def test_diagnostics_call_nobody_by_themselves(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.page("/playground/diagnostics")
    assert sandbox.journal.entries() == []


def test_the_theme_is_remembered_and_leads_back(visitor: Visitor) -> None:
    answer = visitor.post("/playground/theme", theme="dark", page="network.index")
    assert answer.headers["Location"] == "/playground/network"
    html = visitor.page(SETTINGS).html
    assert html is not None
    assert html["data-bs-theme"] == "dark"
    away = visitor.post("/playground/theme", theme="dark", page="https://evil.example")
    assert away.headers["Location"] == "/playground/dashboard"
