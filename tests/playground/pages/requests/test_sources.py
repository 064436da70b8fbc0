"""The request log says what made each call: a page, a script by itself, or a job."""

from __future__ import annotations

import json

import pytest

from ....support.waiting import until
from ...browsing import Visitor

LOG = "/playground/requests/log.json?source=all"

#: How a script marks a request that it sends by itself.
BACKGROUND = {"X-Background": "1"}


def logged(visitor: Visitor) -> dict[str, set[str]]:
    """The sources of the calls in the log, by path."""
    found: dict[str, set[str]] = {}
    for call in json.loads(visitor.get(LOG).get_data()):
        found.setdefault(call["path"], set()).add(call["source"])
    return found


def run(visitor: Visitor, form: str, **fields: str) -> None:
    """Start a job and wait until its page no longer polls."""
    address = str(visitor.post(form, **fields).headers["Location"])
    until(lambda: not visitor.page(address).select("[data-watch]"), within=60)


def test_a_page_and_the_balance_that_comes_with_it(visitor: Visitor) -> None:
    visitor.page("/playground/nodes")
    assert logged(visitor) == {"/nodes": {"page"}, "/accounts/balance": {"refresh"}}


def test_a_balance_that_the_page_shows_itself(visitor: Visitor) -> None:
    visitor.page("/playground/account")
    assert logged(visitor)["/accounts/balance"] == {"page"}


@pytest.mark.parametrize(
    "url", ["/playground/sessions?_panel=sessions", "/playground/rentals?_panel=sessions"]
)
def test_a_request_that_a_script_sends_by_itself(visitor: Visitor, url: str) -> None:
    assert visitor.get(url, headers=BACKGROUND).status_code == 200
    found = logged(visitor)
    assert found
    assert set().union(*found.values()) == {"refresh"}


def test_reads_of_diagnostics(visitor: Visitor) -> None:
    visitor.post("/playground/diagnostics/reads", line="network.info", count="2")
    assert logged(visitor)["/network"] == {"reads"}


def test_jobs(visitor: Visitor) -> None:
    run(visitor, "/playground/diagnostics/lab/fire", kind="reads", count="3", threads="1")
    assert logged(visitor) == {path: {"lab"} for path in ("/nodes", "/apps", "/sessions")}
    visitor.post("/playground/requests/clear")
    run(visitor, "/playground/diagnostics/smoke")
    assert set().union(*logged(visitor).values()) == {"smoke"}
    visitor.post("/playground/requests/clear")
    run(
        visitor, "/playground/diagnostics/runner/run", method="nodes.find", **{"as": "form", "arg-id": "9001"}
    )
    assert logged(visitor) == {"/nodes/9001": {"runner"}}
