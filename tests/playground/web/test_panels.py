"""Panels: their states, their independence, and the details of their calls."""

from __future__ import annotations

import pytest

from octaspace.sandbox import SandboxServer

from ..browsing import Visitor

DASHBOARD = "/playground/dashboard"


def test_panel_shows_its_python_call(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel("/playground/network", "network")
    assert panel.select(".sdk-call-line")[0].get_text() == "client.network.info()"
    copied = [button["data-copy"] for button in panel.select("[data-copy]")]
    assert copied[0] == "client.network.info()"
    assert str(copied[1]).startswith("curl --fail-with-body http://127.0.0.1:")
    facts = panel.select(".sdk-call-facts")[0].get_text(" ", strip=True)
    assert "1 attempt" in facts
    assert "127.0.0.1" in facts


def python_note(visitor: Visitor) -> str:
    """What must be set before the Python line of a panel runs in `bin/console`."""
    button = visitor.panel("/playground/nodes", "nodes").select("[data-copy]")[0]
    assert button["data-copy"] == "client.nodes.list()"
    return str(button.get("data-copy-note", ""))


def test_outside_the_sandbox_a_line_names_what_the_console_needs(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    """Without it, `bin/console` would run the line in a new sandbox."""
    assert python_note(visitor) == ""
    urls = "\n".join(sandbox.urls)
    visitor.post("/playground/settings/source", kind="custom", base_urls=urls, api_key="key")
    assert "OCTA_API_KEY and OCTA_BASE_URLS" in python_note(visitor)


def test_for_the_live_api_a_line_names_the_key(live_visitor: Visitor) -> None:
    note = python_note(live_visitor)
    assert "OCTA_API_KEY" in note
    assert "OCTA_BASE_URLS" not in note


def test_gpus_are_sorted_by_price(visitor: Visitor) -> None:
    panel = visitor.panel("/playground/network", "network")
    cells = panel.select('td[data-label="Price per hour"]')
    prices = [float(str(cell["data-value"])) for cell in cells]
    assert len(prices) > 3
    assert prices == sorted(prices)


@pytest.mark.parametrize(
    ("fault", "text"),
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
def test_error_is_shown_as_a_card(
    visitor: Visitor, sandbox: SandboxServer, fault: dict[str, object], text: str
) -> None:
    visitor.follow(visitor.post("/playground/settings/options", max_retries="0"))
    sandbox.faults.add(str(fault.pop("kind")), **fault)  # type: ignore[arg-type]
    panel = visitor.panel("/playground/network", "network")
    assert text in panel.get_text()
    assert panel.select(".problem")
    visitor.page(DASHBOARD)


def test_stalled_endpoint_leaves_time_for_the_other(visitor: Visitor, sandbox: SandboxServer) -> None:
    """Half of the budget is left for the endpoint that works."""
    visitor.post("/playground/settings/options", total_timeout="4", read_timeout="30")
    sandbox.faults.add("stall", endpoint=sandbox.ports[0], path="/network")
    panel = visitor.panel("/playground/network", "network")
    assert not panel.select(".problem")
    assert "2 attempts" in panel.get_text()


def test_failed_panel_does_not_affect_others(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=404, path="/nodes")
    page = visitor.page(DASHBOARD)
    states = {
        str(panel["data-panel"]): bool(panel.select(".problem")) for panel in page.select("[data-panel]")
    }
    assert states == {"balance": False, "nodes": True, "network": False, "sessions": False, "profile": False}


def test_rate_limit_shows_the_wait(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=429, retry_after=3600)
    panel = visitor.panel("/playground/network", "network")
    assert float(str(panel.select("[data-countdown]")[0]["data-countdown"])) == 3600
    assert panel.select("[data-after-countdown]")


def test_empty_panel_shows_the_next_step(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.reset(dataset="empty")
    panel = visitor.panel(DASHBOARD, "sessions")
    assert "Rent a machine" in panel.get_text()
    assert panel.select(".empty")


def test_single_panel_can_be_reloaded(visitor: Visitor, sandbox: SandboxServer) -> None:
    panel = visitor.panel(f"{DASHBOARD}?_panel=nodes", "nodes")
    assert not panel.select(".problem")
    assert [entry.path for entry in sandbox.journal.entries()] == ["/nodes"]


def test_logged_retries_match_the_journal(visitor: Visitor, sandbox: SandboxServer) -> None:
    visitor.post("/playground/settings/options", retry_interval="0")
    sandbox.faults.add("status", status=503, path="/network", count=1, retry_after=None)
    panel = visitor.panel("/playground/network", "network")
    assert "2 attempts" in panel.get_text()
    arrived = [entry for entry in sandbox.journal.entries() if entry.path == "/network"]
    assert [entry.status for entry in arrived] == [503, 200]
    link = panel.select(".sdk-call-facts a")[0]
    rows = visitor.page(str(link["href"])).select("#main table.data tbody tr")
    done = [
        row.select('[data-label="What the SDK did"] .badge-state')[0].get_text(strip=True) for row in rows
    ]
    assert done == ["retry 1", "returned"]


def test_the_balance_is_in_the_header_of_the_next_page(visitor: Visitor) -> None:
    visitor.page(DASHBOARD)
    facts = visitor.page("/playground/settings").select_one(".facts")
    assert facts is not None
    assert "OCTA" in facts.get_text()
