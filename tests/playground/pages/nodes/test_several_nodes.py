"""Prices and reboots of several nodes: one review, one confirmation, one request for each node."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup

from octaspace.sandbox import SandboxServer
from playground.domain.node_state import reboot_obstacle
from playground.pages.nodes.several import MAX_AT_ONCE

from ...browsing import Visitor, text_of

NODES = "/playground/nodes"


def arrived(sandbox: SandboxServer) -> list[tuple[str, str]]:
    return sorted((entry.path, entry.body) for entry in sandbox.journal.entries() if entry.change)


def review(visitor: Visitor, action: str, *ids: int | str, **more: str) -> BeautifulSoup:
    """The review of the nodes that were selected in the table."""
    page = visitor.follow(visitor.post(f"{NODES}/select", action=action, node=[str(id) for id in ids]))
    if not more:
        return page
    query = "&".join([*(f"node={id}" for id in ids), *(f"{name}={value}" for name, value in more.items())])
    return visitor.page(f"{NODES}/{action}?{query}")


def sent_to(page: BeautifulSoup) -> dict[str, str]:
    """What is sent to each node, by id."""
    rows = page.select("table.several tbody tr")
    return {text_of(row.select("th a")[0]): text_of(row.select("td")[-1]) for row in rows}


def confirm(visitor: Visitor, page: BeautifulSoup, times: int = 1, **more: str) -> BeautifulSoup:
    """Send the confirmed form, also several times."""
    form = page.select("form[data-once]")[0]
    fields: dict[str, list[str]] = {}
    for field in form.select("input[type=hidden]"):
        fields.setdefault(str(field["name"]), []).append(str(field["value"]))
    once = fields.pop("once")[0]
    del fields["csrf_token"]
    answers = [visitor.post(str(form["action"]), once=once, **fields, **more) for _ in range(times)]
    pages = [visitor.follow(answer) for answer in answers]
    notices = [str(each.select("main > .notice")) for each in pages]
    counting = r"<span data-ticking=.*?</span>"  # seconds since the change
    assert len({re.sub(counting, "", notice) for notice in notices}) == 1
    return pages[-1]


def results(page: BeautifulSoup) -> dict[str, str]:
    """The result of each node."""
    return {
        text_of(item.select("strong")[0]): text_of(item.select(".badge-state")[0])
        for item in page.select(".outcome-each li")
    }


def test_every_row_can_be_selected(visitor: Visitor) -> None:
    form = visitor.page(NODES).select("form[data-selection]")[0]
    assert form["method"] == "post"
    boxes = form.select("tbody input[type=checkbox][name=node]")
    assert [box["value"] for box in boxes] == [str(9001 + at) for at in range(14)]
    assert [button["value"] for button in form.select("button[name=action]")] == ["prices", "reboot"]


def test_the_review_of_a_reboot_leaves_offline_nodes_out(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = review(visitor, "reboot", 9001, 9005, 9003, 77)
    found = sent_to(page)
    assert found["9001"] == "client.nodes.reboot(9001)"
    assert reboot_obstacle("offline") in found["9005"]
    assert found["77"].startswith("None.")
    assert [field["value"] for field in page.select("form[data-once] input[name=node]")] == ["9001", "9003"]
    assert "1 of them is rented now" in text_of(page)
    assert arrived(sandbox) == []


def test_several_nodes_reboot_once_each(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("drop_after_read", path="/nodes/9002/reboot")
    sandbox.faults.add("status", status=404, path="/nodes/9003/reboot")
    page = confirm(visitor, review(visitor, "reboot", 9001, 9002, 9003), times=3)
    assert arrived(sandbox) == [(f"/nodes/{id}/reboot", "") for id in (9001, 9002, 9003)]
    assert "1 of 3 reboots requested" in text_of(page.select("main > .notice")[0])
    assert results(page) == {
        "Node 9001": "done", "Node 9002": "may have been carried out", "Node 9003": "failed",
    }  # fmt: skip
    assert "NotFoundError" in text_of(page.select(".outcome-each li")[2])
    assert len(page.select('.outcome-each a[href^="/playground/requests/"]')) == 3


def test_a_node_that_went_offline_after_the_review_is_not_rebooted(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    page = review(visitor, "reboot", 9001, 9002)
    sandbox.world.own_node(9002).state = "offline"
    done = confirm(visitor, page)
    assert results(done) == {"Node 9001": "done", "Node 9002": "not sent"}
    assert reboot_obstacle("offline") in text_of(done.select(".outcome-each")[0])
    assert arrived(sandbox) == [("/nodes/9001/reboot", "")]


def test_the_review_of_prices_shows_old_and_new_of_each_node(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    """Q26: the figures are those of the API, and are sent as typed."""
    page = review(visitor, "prices", 9001, 9002, 9003, base="1500000000000000000", gpu_hour="0.5")
    cells = [text_of(row.select("td[data-label=Base]")[0]) for row in page.select("table.several tbody tr")]
    assert cells[0] == (
        "current: 1000000000000000000 1 OCTA if in Wei → , new: 1500000000000000000 1.5 OCTA if in Wei"
    )
    assert "(unchanged)" in cells[1]
    assert sent_to(page)["9003"] == (
        "client.nodes.update_prices(9003, base=1500000000000000000, gpu_hour=0.5)"
    )
    assert arrived(sandbox) == []


def test_prices_of_several_nodes_are_sent_once_each(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = review(visitor, "prices", 9001, 9002, 9003, base="1500000000000000000")
    assert sent_to(page)["9002"].startswith("None.")  # it has this price
    done = confirm(visitor, page, times=2)
    assert [(path, json.loads(body)) for path, body in arrived(sandbox)] == [
        (f"/nodes/{id}/prices", {"base": 1_500_000_000_000_000_000}) for id in (9001, 9003)
    ]
    assert "2 of 2 nodes updated" in text_of(done.select("main > .notice")[0])


def test_an_offline_node_gets_new_prices(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = review(visitor, "prices", 9005, 9011, base="7")
    assert sorted(sent_to(page)) == ["9005", "9011"]
    assert results(confirm(visitor, page)) == {"Node 9005": "done", "Node 9011": "done"}


@pytest.mark.parametrize("price", ["1,5", "-1", "abc"])
def test_an_invalid_price_is_shown_at_its_field(visitor: Visitor, price: str) -> None:
    page = review(visitor, "prices", 9001, 9002, base=price)
    assert page.select("#base-error")
    assert not page.select("form[data-once]")


def test_the_fields_come_first_when_no_price_is_typed(visitor: Visitor) -> None:
    page = review(visitor, "prices", 9001, 9002)
    assert page.select("#p-base")
    assert [field["value"] for field in page.select(".price-form input[name=node]")] == ["9001", "9002"]
    assert not page.select("form[data-once]")


def test_a_single_node_goes_to_its_page(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = confirm(visitor, review(visitor, "reboot", 9001), times=2)
    assert "9001" in text_of(page.select("h1")[0])
    assert arrived(sandbox) == [("/nodes/9001/reboot", "")]


@pytest.mark.parametrize("action", ["prices", "reboot"])
def test_without_a_selection_nothing_can_be_sent(
    visitor: Visitor, sandbox: SandboxServer, action: str
) -> None:
    page = review(visitor, action)
    assert "No nodes selected" in text_of(page)
    assert not page.select("form[data-once]")
    assert "No nodes selected" in text_of(visitor.follow(visitor.post(f"{NODES}/{action}")))
    assert arrived(sandbox) == []


def test_more_nodes_than_allowed_are_counted(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="large")
    answer = visitor.post(f"{NODES}/select", action="reboot", node=[str(9001 + at) for at in range(700)])
    query = parse_qs(urlsplit(str(answer.headers["Location"])).query)
    assert len(query["node"]) == MAX_AT_ONCE
    assert query["left_out"] == ["600"]
    assert "600 of the selected nodes" in text_of(visitor.follow(answer).select(".notice-warn")[0])
    long = visitor.post(f"{NODES}/select", action="prices", node=[f"{at:080}" for at in range(90)])
    assert len(str(long.headers["Location"])) < 4000
    assert "left_out=" in str(long.headers["Location"])


@pytest.mark.parametrize(("action", "fields"), [("reboot", {}), ("prices", {"base": "5"})])
def test_a_form_with_more_nodes_than_a_review_shows_changes_none(
    visitor: Visitor, sandbox: SandboxServer, action: str, fields: dict[str, str]
) -> None:
    sandbox.reset(dataset="large")
    nodes = [str(9001 + at) for at in range(MAX_AT_ONCE + 1)]
    assert visitor.post(f"{NODES}/{action}", node=nodes, **fields).status_code == 422
    assert arrived(sandbox) == []


def test_in_live_mode_the_number_is_typed(live_visitor: Visitor, sandbox: SandboxServer) -> None:
    page = review(live_visitor, "reboot", 9001, 9002)
    assert text_of(page.select('label[for="confirm-name"] strong')[0]) == "reboot 2"
    for typed in ("", "reboot 3", "9001"):
        refused = confirm(live_visitor, review(live_visitor, "reboot", 9001, 9002), typed_name=typed)
        assert "does not match" in text_of(refused.select("main > .notice")[0])
    assert arrived(sandbox) == []
    assert results(confirm(live_visitor, page, typed_name="reboot 2")) == {
        "Node 9001": "done", "Node 9002": "done",
    }  # fmt: skip


@pytest.mark.parametrize("action", ["select", "prices", "reboot"])
def test_nothing_happens_without_this_browsers_token(
    visitor: Visitor, sandbox: SandboxServer, action: str
) -> None:
    answer = visitor.client.post(f"{NODES}/{action}", data={"node": ["9001", "9002"], "once": "x"})
    assert answer.status_code == 400
    assert arrived(sandbox) == []


def test_an_error_of_the_list_is_a_card_and_nothing_can_be_sent(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("status", status=404, path="/nodes")
    page = visitor.page(f"{NODES}/reboot?node=9001&node=9002")
    assert len(page.select("#main .problem")) == 1
    assert not page.select("form[data-once]")
