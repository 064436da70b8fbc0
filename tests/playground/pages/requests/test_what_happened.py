"""A call that ended in an error is red with its class, and each action of the SDK is told apart."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from octaspace.sandbox import SandboxServer

from ....support.waiting import until
from ...browsing import Visitor, text_of
from ...small_api import Answer, SmallApi

REQUESTS = "/playground/requests"
LAB = "/playground/diagnostics/lab"

#: A 2xx that the SDK refuses: each answer with the class of the error.
REFUSED = [
    pytest.param(Answer(), "InvalidResponseError", id="html"),
    pytest.param(Answer(b'{"a":', content_type="application/json"), "InvalidResponseError", id="half"),
    pytest.param(Answer(b"", content_type="application/json"), "InvalidResponseError", id="empty"),
    pytest.param(Answer(b"[1]", content_type="application/json"), "UnexpectedShapeError", id="another shape"),
]


@pytest.fixture(autouse=True)
def no_faults_remain(sandbox: SandboxServer) -> Any:
    yield
    sandbox.faults.remove_all()


def row_of(page: BeautifulSoup, path: str) -> Tag:
    """The first row of a log with a call of a path."""
    return next(
        row for row in page.select(".calls tbody tr") if text_of(row.select("th a")[0]).endswith(f" {path}")
    )


def detail(visitor: Visitor, path: str) -> BeautifulSoup:
    """The page of the last call of a path."""
    link = row_of(visitor.page(f"{REQUESTS}?source=all"), path).select("th a")[0]
    return visitor.page(str(link["href"]))


def steps(page: BeautifulSoup) -> list[str]:
    return [text_of(cell) for cell in page.select("td[data-label='What the SDK did'] .badge-state")]


def is_red(part: Tag, error: str) -> bool:
    badges = part.select(".badge-state")
    return bool(badges) and "bad" in badges[0]["class"] and error in text_of(badges[0])


@pytest.mark.parametrize(("answer", "error"), REFUSED)
def test_a_2xx_that_ended_in_an_error(
    guest: Visitor, small_api: SmallApi, answer: Answer, error: str
) -> None:
    small_api.answers = {"GET /network": answer, "GET /accounts/balance": {"balance": 1}}
    guest.page("/playground/network")
    page = detail(guest, "/network")
    assert is_red(page.select("[aria-labelledby=attempts-title]")[0], error)
    assert steps(page) == [f"raised {error}"]
    assert page.select(".attempts .attempt")[0]["class"] == ["attempt", "verdict-raise"]
    assert page.select("main .badge-state.good") == []
    for place in (page.select("#drawer")[0], guest.page(REQUESTS).select("#main")[0]):
        row = row_of(BeautifulSoup(str(place), "html.parser"), "/network")
        assert row["class"] == ["failed"]
        assert is_red(row, error)


def test_a_change_that_is_rejected_inside_a_200(guest: Visitor, small_api: SmallApi) -> None:
    small_api.answers = {"GET /nodes/9001/reboot": {"success": False, "message": "busy"}}
    given = {"method": "nodes.reboot", "as": "json", "args": '{"id": 9001}', "confirmed": "yes"}
    address = str(guest.post("/playground/diagnostics/runner/run", **given).headers["Location"])
    until(lambda: not guest.page(address).select("[data-watch]"), within=30)
    page = detail(guest, "/nodes/9001/reboot")
    assert steps(page) == ["raised InvalidResponseError"]
    assert is_red(page.select("#main")[0], "InvalidResponseError")
    # The same part on the page of the method runner.
    page = guest.page(address)
    assert steps(page) == ["raised InvalidResponseError"]
    assert page.select("#run .badge-state.good") == []


def test_an_answer_that_a_run_of_the_lab_refuses(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("html", endpoint=sandbox.ports[0])
    visitor.post(f"{LAB}/fire", kind="reads", count="4", threads="1", healthy="yes")
    until(lambda: not visitor.page(LAB).select("[data-watch]"), within=30)
    page = visitor.page(LAB)
    ends = [text_of(cell.select("li")[-1]) for cell in page.select("#lab tbody .attempts-cell")]
    assert sum(end.endswith("200 raised InvalidResponseError") for end in ends) == 2
    assert sum(end.endswith("200 returned") for end in ends) == 2
    assert (
        len(page.select("svg.failover .verdict-raise")) == len(page.select("svg.failover .verdict-ok")) == 2
    )
    assert len(page.select("#lab .verdict-text-raise")) == 2


def test_failover_retry_and_new_connection_are_told_apart(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", retry_interval="0.01")
    sandbox.faults.add("refuse", endpoint=sandbox.ports[0])
    visitor.page("/playground/idle-jobs?node=9001&job=41")
    log = visitor.page(REQUESTS)
    failed_over = [row for row in log.select(".calls tbody tr") if "after failover" in text_of(row)]
    assert len(failed_over) >= 1
    page = visitor.page(str(failed_over[0].select("th a")[0]["href"]))
    assert steps(page) == ["failover", "returned"]
    assert "next endpoint, at once" in text_of(page.select(".legend")[0])
    assert "max_retries" not in text_of(page.select(".legend")[0])

    sandbox.faults.remove_all()
    sandbox.faults.add("status", status=503, count=2, path="/nodes")
    visitor.page("/playground/nodes?_panel=nodes")
    assert "200 after 2 retries" in text_of(row_of(visitor.page(REQUESTS), "/nodes"))
    page = detail(visitor, "/nodes")
    assert steps(page) == ["retry 1", "retry 2", "returned"]
    assert "uses one of max_retries" in text_of(page.select(".legend")[0])
    assert len(page.select(".attempts .verdict-retry")) == 2


def test_an_answer_from_the_cache_is_told_apart(visitor: Visitor, sandbox: SandboxServer) -> None:
    for _ in range(2):
        visitor.page("/playground/apps?_panel=apps")
    page = detail(visitor, "/apps")
    assert "Returned from the cache" in text_of(page.select(".cache-note")[0])
    assert steps(page) == []
    assert row_of(visitor.page(REQUESTS), "/apps").select(".bi-clock-history")
    visitor.post("/playground/settings/options", max_retries="0", cache_ttl="0.001", cache_stale="600")
    visitor.page("/playground/apps?_panel=apps")
    sandbox.faults.add("status", status=503)
    visitor.page("/playground/apps?_panel=apps")
    page = detail(visitor, "/apps")
    assert steps(page) == ["returned from the cache"]
    assert page.select(".attempts .verdict-cache")
    assert page.select(".attempts .verdict-raise") == []
