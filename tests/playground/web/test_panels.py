"""Panels: their states, their independence, and what they say about the trip."""

from __future__ import annotations

import pytest

from octaspace.sandbox import SandboxServer

from ..browsing import Visitor

DASHBOARD = "/playground/dashboard"


def test_a_panel_names_the_python_that_fills_it(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel("/playground/network", "network")
    assert panel.select(".sdk-call-line")[0].get_text() == "client.network.info()"
    copied = [button["data-copy"] for button in panel.select("[data-copy]")]
    assert copied[0] == "client.network.info()"
    assert str(copied[1]).startswith("curl --fail-with-body http://127.0.0.1:")
    facts = panel.select(".sdk-call-facts")[0].get_text(" ", strip=True)
    assert "1 attempt" in facts
    assert "127.0.0.1" in facts


def test_the_gpus_come_cheapest_first(visitor: Visitor) -> None:
    panel = visitor.panel("/playground/network", "network")
    cells = panel.select('td[data-label="Price per hour"]')
    prices = [float(str(cell["data-value"])) for cell in cells]
    assert len(prices) > 3
    assert prices == sorted(prices)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "status", "status": 401}, "AuthenticationError"),
        ({"kind": "status", "status": 404}, "NotFoundError"),
        ({"kind": "status", "status": 422}, "ValidationError"),
        ({"kind": "status", "status": 429, "retry_after": 3600}, "RateLimitError"),
        ({"kind": "html"}, "200, but the body is text/html, not JSON"),
        ({"kind": "garbage"}, "InvalidResponseError"),
        ({"kind": "refuse"}, "ConnectionError"),
        ({"kind": "drop_after_read"}, "ConnectionError"),
        ({"kind": "truncate"}, "ConnectionError"),
    ],
)
def test_an_error_is_a_card_and_never_takes_the_page_down(
    visitor: Visitor, sandbox: SandboxServer, fault: dict[str, object], says: str
) -> None:
    visitor.follow(visitor.post("/playground/settings/options", max_retries="0"))
    sandbox.faults.add(str(fault.pop("kind")), **fault)  # type: ignore[arg-type]
    panel = visitor.panel("/playground/network", "network")
    assert says in panel.get_text()
    assert panel.select(".problem")
    visitor.page(DASHBOARD)


def test_one_broken_panel_leaves_the_others_alone(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/nodes")
    page = visitor.page(DASHBOARD)
    states = {
        str(panel["data-panel"]): bool(panel.select(".problem")) for panel in page.select("[data-panel]")
    }
    assert states == {"balance": False, "nodes": True, "network": False, "sessions": False, "profile": False}


def test_a_rate_limit_says_how_long_to_wait(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=429, retry_after=3600)
    panel = visitor.panel("/playground/network", "network")
    assert float(str(panel.select("[data-countdown]")[0]["data-countdown"])) == 3600
    assert panel.select("[data-after-countdown]")


def test_nothing_to_show_says_what_to_do_next(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    panel = visitor.panel(DASHBOARD, "sessions")
    assert "Rent a machine" in panel.get_text()
    assert panel.select(".empty")


def test_a_panel_is_loaded_again_by_itself(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel(f"{DASHBOARD}?_panel=nodes", "nodes")
    assert not panel.select(".problem")
    assert [entry.path for entry in sandbox.journal.entries()] == ["/nodes"]


def test_retries_in_the_log_are_those_that_arrived(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", retry_interval="0")
    sandbox.faults.add("status", status=503, path="/network", count=1, retry_after=None)
    panel = visitor.panel("/playground/network", "network")
    assert "2 attempts" in panel.get_text()
    arrived = [entry for entry in sandbox.journal.entries() if entry.path == "/network"]
    assert [entry.status for entry in arrived] == [503, 200]
    link = panel.select(".sdk-call-facts a")[0]
    rows = visitor.page(str(link["href"])).select("#main table.data tbody tr")
    assert [row.select('[data-label="SDK action"]')[0].get_text(strip=True) for row in rows] == [
        "retry",
        "ok",
    ]


def test_the_balance_is_in_the_header_of_the_next_page(visitor: Visitor) -> None:
    visitor.page(DASHBOARD)
    facts = visitor.page("/playground/settings").select_one(".facts")
    assert facts is not None
    assert "OCTA" in facts.get_text()
