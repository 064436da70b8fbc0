"""The log of a node: shown, searched and downloaded."""

from __future__ import annotations

import gzip
import json

import pytest
from bs4 import BeautifulSoup

from octaspace.sandbox import SandboxServer

from ...browsing import Visitor, text_of
from ...small_api import Answer, SmallApi

NODE = "/playground/nodes/9001"
LOG = f"{NODE}/log"


def marks(page: BeautifulSoup) -> list[str]:
    return [mark.get_text() for mark in page.select("[data-log-text] mark")]


def test_the_beginning_and_the_end_are_shown(visitor: Visitor, sandbox: SandboxServer) -> None:
    page = visitor.page(LOG)
    lines = sandbox.world.own_node(9001).log().decode().splitlines()
    start, end = (part.get_text().splitlines() for part in page.select("[data-log-text]"))
    assert start == lines[: len(start)]
    assert end == lines[-len(end) :]
    assert len(start) > 1000
    assert "64 kB" in text_of(page.select("#panel-log .hint")[0])
    form = page.select('form[data-download][method="post"]')[0]
    assert form["action"] == f"{NODE}/logs"
    assert "Download full log" in text_of(form)
    assert page.select("#panel-log .sdk-call-line")[0].get_text() == (
        "client.nodes.download_logs(9001, to='node-9001.log')"
    )
    assert visitor.page(NODE).select(f'.page-actions a[href="{LOG}"]')


def test_a_search_is_a_form_and_its_matches_are_links(visitor: Visitor, sandbox: SandboxServer) -> None:
    form = visitor.page(LOG).select("form[data-log-search]")[0]
    assert form["method"] == "get"
    assert form["action"] == LOG
    page = visitor.page(f"{LOG}?find=PEER+connected&match=2")
    found = marks(page)
    assert set(found) == {"peer connected"}
    assert page.select("mark.current")[0]["id"] == "match-2"
    count = text_of(page.select("[data-log-count]")[0])
    assert count.startswith("2 of ")
    assert str(len(found)) in count.replace("\u202f", "")
    previous, following = page.select("[data-log-step]")
    assert str(previous["href"]).endswith("match=1#match-1")
    assert str(following["href"]).endswith("match=3#match-3")
    after = visitor.page(str(following["href"]).partition("#")[0])
    assert after.select("mark.current")[0]["id"] == "match-3"


def test_a_search_without_a_match_says_so(visitor: Visitor) -> None:
    page = visitor.page(f"{LOG}?find=%3Cscript%3E")
    assert text_of(page.select("[data-log-count]")[0]) == "No matches"
    assert page.select("form[data-log-search] input[name=find]")[0]["value"] == "<script>"
    assert all(link.has_attr("hidden") for link in page.select("[data-log-step]"))
    assert not page.select("mark, main script")


def test_an_archive_is_not_shown_as_text(guest: Visitor, small_api: SmallApi) -> None:
    packed = gzip.compress(b"node started\n" * 100)
    small_api.answers["GET /nodes/9001/logs"] = Answer(packed, content_type="application/octet-stream")
    page = guest.page(LOG)
    assert ".gz" in text_of(page.select("#panel-log .empty")[0])
    assert not page.select("[data-log-text], [data-log-search]")
    answer = guest.post(f"{NODE}/logs")
    assert answer.data == packed
    assert answer.headers["Content-Disposition"] == 'attachment; filename="node-9001-logs.gz"'
    assert answer.mimetype == "application/octet-stream"


def test_text_is_shown_whatever_the_api_calls_it(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers["GET /nodes/9001/logs"] = Answer(
        b"\x1b[31mred\x1b[0m <script>alert(1)</script>\xe2\x80\xae\nkey: the-key-of-a-guest\n",
        content_type="application/octet-stream",
    )
    page = guest.page(f"{LOG}?find=script")
    text = page.select("[data-log-text]")[0].get_text()
    assert text.splitlines()[0] == "red <script>alert(1)</script>\ufffd"
    assert marks(page) == ["script", "script"]
    assert not page.select("main script")
    assert "the-key-of-a-guest" not in str(page)
    small_api.answers["GET /nodes/9001/logs"] = Answer(b"", content_type="text/plain")
    assert guest.page(LOG).select("#panel-log .empty")


def test_a_log_that_cannot_be_read_is_an_error_card(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/nodes/9001/logs")
    page = visitor.page(LOG)
    card = page.select("#panel-log .problem")[0]
    assert "NotFoundError" in text_of(card)
    assert card.select('a[href^="/playground/requests/"]')
    assert not page.select("form[data-download]")


@pytest.mark.parametrize("query", ["", "?find=heartbeat"])
def test_what_is_shown_is_in_no_request_log(visitor: Visitor, sandbox: SandboxServer, query: str) -> None:
    visitor.page(LOG + query)
    rows = json.loads(visitor.get("/playground/requests/log.json").data)
    assert [row["path"] for row in rows] == ["/nodes/9001/logs"]
    assert "heartbeat in" not in json.dumps(rows)
