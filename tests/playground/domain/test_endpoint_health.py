"""The badge of an endpoint shows the result of the last call, also with a single endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from octaspace.sandbox import SandboxServer
from playground.settings import ProcessSettings

from ..browsing import Visitor, text_of
from ..conftest import MakeApp

DASHBOARD = "/playground/dashboard"
DIAGNOSTICS = "/playground/diagnostics"


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
    for page, title in ((DIAGNOSTICS, "rotator-title"), (DASHBOARD, "health-title")):
        badges = visitor.page(page).select(f'[aria-labelledby="{title}"] li .badge-state')
        said.append(text_of(badges[0]))
    report = visitor.get(f"{DIAGNOSTICS}/report.md").get_data(as_text=True)
    row = next(line for line in report.splitlines() if line.startswith("| ") and "http://127.0.0.1" in line)
    return [*said, row.split(" | ")[2]]


def test_endpoint_without_calls_is_not_healthy(operator: Visitor) -> None:
    assert states(operator) == ["not called yet", "healthy", "healthy"]
    assert states(operator) == ["healthy"] * 3


def test_an_endpoint_that_refuses_connections_is_not_healthy(
    operator: Visitor, sandbox: SandboxServer
) -> None:
    fault = sandbox.faults.add("refuse")
    operator.page(DASHBOARD)
    assert states(operator) == ["the last call failed: ConnectionError"] * 3
    sandbox.faults.remove_fault(fault.id)
    operator.page(DASHBOARD)
    assert states(operator) == ["healthy"] * 3


def test_an_endpoint_that_answers_with_failures_is_not_healthy(
    operator: Visitor, sandbox: SandboxServer
) -> None:
    sandbox.faults.add("status", status=503)
    operator.page(DASHBOARD)
    assert states(operator) == ["the last call was answered with 503"] * 3


def test_an_endpoint_that_refuses_the_key_answers(operator: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=401)
    operator.page(DASHBOARD)
    assert states(operator) == ["healthy"] * 3


def test_endpoints_have_separate_states(visitor: Visitor, sandbox: SandboxServer) -> None:
    sandbox.faults.add("status", status=502, endpoint=sandbox.ports[1])
    visitor.post("/playground/settings/options", max_retries="0")
    visitor.post(f"{DIAGNOSTICS}/reads", line="network.info", count="4")
    items = visitor.page(DIAGNOSTICS).select('[aria-labelledby="rotator-title"] li')
    said = [text_of(item.select(".badge-state")[0]) for item in items]
    assert said == ["healthy", "the last call was answered with 502"]
