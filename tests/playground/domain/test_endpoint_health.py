"""The state of each endpoint comes from every attempt of all workers, also with a single endpoint."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from flask import Flask

from octaspace.sandbox import SandboxServer
from playground.domain.endpoint_attempts import AttemptResult
from playground.domain.endpoint_health import cooldowns_of, endpoint_health
from playground.domain.endpoint_history import EndpointHistory
from playground.settings import ProcessSettings
from playground.store import WorkerSnapshot

from ..browsing import Visitor, text_of
from ..conftest import MakeApp

DASHBOARD = "/playground/dashboard"
DIAGNOSTICS = "/playground/diagnostics"

#: Any time, at the start of a minute.
NOW = 60.0 * 29_000_000


@pytest.fixture
def operator(sandbox: SandboxServer, tmp_path: Path, make_app: MakeApp) -> Visitor:
    """A browser that uses the operator's only endpoint, without retries."""
    settings = {"OCTA_API_KEY": "the-operators-key", "OCTA_BASE_URL": sandbox.urls[0]}
    visitor = Visitor(make_app(ProcessSettings.read(settings, tmp_path / "operator")))
    visitor.post("/playground/settings/options", max_retries="0")
    return visitor


def states(visitor: Visitor) -> list[str]:
    """The state in Diagnostics, the dashboard and the incident report; only the dashboard makes calls."""
    said = []
    for page, title in ((DIAGNOSTICS, "endpoints-title"), (DASHBOARD, "health-title")):
        badges = visitor.page(page).select(f'[aria-labelledby="{title}"] .health .badge-state')
        said.append(text_of(badges[0]))
    return [*said, reported(visitor)[1]]


def reported(visitor: Visitor) -> list[str]:
    """The first row of the incident report's table of endpoints."""
    report = visitor.get(f"{DIAGNOSTICS}/report.md").get_data(as_text=True)
    row = next(line for line in report.splitlines() if line.startswith("| `http://127.0.0.1"))
    return row.strip("| ").split(" | ")


def test_endpoint_without_calls_is_not_healthy(operator: Visitor) -> None:
    assert states(operator) == ["not called yet", "healthy", "healthy"]
    assert states(operator) == ["healthy"] * 3


def test_an_endpoint_that_refuses_connections_is_not_healthy(
    operator: Visitor, sandbox: SandboxServer
) -> None:
    fault = sandbox.faults.add("refuse")
    operator.page(DASHBOARD)
    assert states(operator) == ["failing"] * 3
    assert "ConnectionError" in text_of(operator.page(DIAGNOSTICS).select("#verdict")[0])
    sandbox.faults.remove_fault(fault.id)
    operator.page(DASHBOARD)
    assert states(operator) == ["unstable"] * 3


def test_an_endpoint_that_answers_with_failures_is_not_healthy(
    operator: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("status", status=503)
    operator.page(DASHBOARD)
    assert states(operator) == ["failing"] * 3
    today = f"{datetime.now(timezone.utc):%Y-%m-%d }"
    assert reported(operator)[2].startswith(today), "a report is read on another day"
    assert "ServiceUnavailableError (503)" in text_of(operator.page(DIAGNOSTICS).select("#verdict")[0])


def test_an_endpoint_that_refuses_the_key_answers(operator: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=401)
    operator.page(DASHBOARD)
    assert states(operator) == ["healthy"] * 3


def test_the_bad_endpoint_is_named_first_although_no_call_fails(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    page = visitor.page(DIAGNOSTICS)
    good, bad = sandbox.urls
    cards = page.select(".endpoint-card")
    assert [text_of(card.select("h3")[0]) for card in cards] == [bad, good]
    assert [text_of(card.select(".badge-state")[0]) for card in cards] == ["failing", "healthy"]
    assert "failing since" in text_of(page.select("#verdict")[0])
    assert bad.partition("://")[2] in text_of(page.select("#verdict strong")[0])
    assert cards[0].select(".health [data-countdown]")
    assert cards[0].select(".timeline-errors")
    assert not cards[1].select(".timeline-errors")
    assert "No failed calls" in text_of(page.select('[aria-labelledby="errors-title"]')[0])
    (row,) = page.select('[aria-labelledby="groups-title"] tbody tr')
    values = {str(cell["data-label"]): text_of(cell) for cell in row.select("[data-label]")}
    assert values["Endpoint"] in bad
    assert values["Error"] == "ConnectionError"
    assert int(values["Attempts"]) >= 1
    assert values["Failed calls"] == "0"
    call = visitor.page(str(row.select('[data-label="Last"] a')[0]["href"]))
    assert bad in call.get_text()


def test_errors_of_calls_link_to_the_request_log_and_name_their_endpoint(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    for _ in range(2):  # calls take turns once both endpoints have answered
        visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="1")
    sandbox.faults.add("status", status=502, endpoint=sandbox.ports[1])
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    page = visitor.page(DIAGNOSTICS)
    (link,) = page.select('[aria-labelledby="groups-title"] [data-label="Error"] a')
    assert text_of(link) == "BadGatewayError (502)"
    assert "status=502" in str(link["href"])
    rows = visitor.page(str(link["href"])).select("#main .calls tbody tr")
    assert len(rows) == 2
    last = page.select('[aria-labelledby="errors-title"] li')
    assert len(last) == 2
    assert all(str(sandbox.ports[1]) in text_of(item) for item in last)


def test_the_link_of_an_error_lists_the_calls_of_its_endpoint_alone_automatic_ones_included(
    visitor: Visitor, sandbox: SandboxServer
) -> None:
    visitor.post("/playground/settings/options", max_retries="0")
    sandbox.faults.add("status", status=502)
    for _ in range(2):
        visitor.get("/playground/account?_panel=balance", headers={"X-Background": "1"})
    page = visitor.page(DIAGNOSTICS)
    links = page.select('[aria-labelledby="groups-title"] [data-label="Error"] a')
    assert len(links) == 2
    for link, card in zip(links, page.select(".endpoint-card h3"), strict=True):
        listed = visitor.page(str(link["href"]))
        ends = [text_of(cell) for cell in listed.select('#main .calls tbody [data-label="Endpoint"]')]
        assert ends
        assert set(ends) == {text_of(card).partition("://")[2]}


def test_a_cooldown_that_another_browser_has_started_is_named(
    app: Flask, visitor: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("refuse", endpoint=sandbox.ports[1])
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    other = Visitor(app)
    other.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    page = other.page(DIAGNOSTICS)
    assert text_of(page.select(".endpoint-card .badge-state")[0]) == "cooling down"
    assert [text_of(name) for name in page.select("#verdict strong")] == [f"127.0.0.1:{sandbox.ports[1]}"]


def worker(left: float, *, age: float = 0.0, alive: bool = True) -> WorkerSnapshot:
    stats = {"rotator": {"cooldown_left": {"http://a": left}}}
    return WorkerSnapshot(1, 0.0, age, alive, stats)


def test_a_cooldown_is_the_longest_of_the_workers_that_run() -> None:
    workers = [worker(9.0, age=4.0), worker(7.0), worker(30.0, alive=False), worker(2.0, age=3.0)]
    assert cooldowns_of(workers) == {"http://a": 7.0}
    assert cooldowns_of([worker(2.0, age=3.0)]) == {}


@pytest.mark.parametrize(
    ("results", "cooldown", "expected"),
    [
        ([], None, "not called yet"),
        ([(-600, True), (-1, False)], None, "healthy"),
        ([(-60, True), (-1, False)], None, "unstable"),
        ([(-60, True), (-1, False)], 9.0, "cooling down"),
        ([(-60, False), (-1, True)], 9.0, "failing"),
        ([(-60, False), (-1, True)], None, "failing"),
    ],
)
def test_state_of_an_endpoint(
    results: list[tuple[float, bool]], cooldown: float | None, expected: str
) -> None:
    history = EndpointHistory()
    history.add(AttemptResult(NOW + at, 0.1, failed) for at, failed in results)
    cooldowns = {} if cooldown is None else {"http://a": cooldown}
    (found,) = endpoint_health({"http://a": history}, cooldowns, NOW)
    assert (found.state, found.cooldown) == (expected, cooldown)
