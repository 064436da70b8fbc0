"""Overview: network, account, active sessions with their costs, own nodes, endpoint health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, current_app, render_template

from ...app_state import current_app_state
from ...browser.call_log import latest_calls
from ...browser.state import Browser, current_browser
from ...domain.account import initials, read_account
from ...domain.node_state import is_online, severity_of, state_of
from ...domain.pricing import hours_left, usd_per_hour
from ...domain.sessions import service_name
from ...sdk.call import SdkCall
from ...sdk.json_access import get_path, listed, number
from ...web.balance import read_balance
from ...web.network_panel import network_panel
from ...web.panels import Panel, PanelRequest, load
from ...web.worker_snapshots import current_health, current_snapshots

bp = Blueprint("dashboard", __name__, url_prefix="/playground/dashboard")

#: Maximum sessions that are shown; the others are counted.
_MAX_SESSIONS: Final = 6


@dataclass(frozen=True)
class Running:
    """An active session.

    Attributes:
        uuid: Its id.
        name: App, or kind of service.
        service: Name of the kind of service.
        node: Node it runs on.
        ready: Whether it is ready.
        progress: Its progress until it is ready.
        seconds: How long it has run.
        usd: Cost per hour, or None.
    """

    uuid: str
    name: str
    service: str
    node: Any
    ready: bool
    progress: str
    seconds: float | int | None
    usd: Decimal | None


@dataclass(frozen=True)
class Step:
    """A first step in a new sandbox."""

    title: str
    text: str
    endpoint: str
    done: bool


@bp.get("")
def index() -> str:
    browser, parts = current_browser(), current_app_state()
    panels = load(
        network_panel(cached=True),
        PanelRequest("balance", "Balance", SdkCall("accounts.balance"), shape=read_balance,
            empty=lambda wei: False, needs=("network", "sessions")),
        PanelRequest("profile", "Account", SdkCall("accounts.profile"), shape=read_account),
        PanelRequest("sessions", "Active sessions", SdkCall("sessions.list"), shape=running),
        PanelRequest("nodes", "Own nodes", SdkCall("nodes.list"), shape=by_state),
    )  # fmt: skip
    errors, _ = latest_calls(browser, 4, status="error")
    stats, workers = current_snapshots(browser, parts)
    return render_template(
        "dashboard/index.html",
        **panels,
        initials=initials(panels["profile"].data.email) if panels["profile"].has_data else "?",
        most=_MAX_SESSIONS,
        burn=_burn(panels),
        left=_hours_left(panels),
        stats=stats,
        health=current_health(browser, parts, workers),
        errors=errors,
        steps=_steps(browser),
        severity_of=severity_of,
        is_online=is_online,
    )


def running(data: Any) -> list[Running]:
    """Active sessions from ``GET /sessions``, the youngest first."""
    items = [item for item in listed(data, "Session") if isinstance(item, dict)]
    found = [
        Running(
            uuid=str(item.get("uuid") or ""),
            name=str(item.get("app_name") or service_name(item.get("service"))),
            service=service_name(item.get("service")),
            node=item.get("node_id"),
            ready=item.get("is_ready") is True,
            progress=str(item.get("progress") or "preparing"),
            seconds=number(item.get("duration")),
            usd=usd_per_hour(item),
        )
        for item in items
    ]
    return sorted(found, key=lambda session: session.seconds or 0)


def by_state(data: Any) -> dict[str, int]:
    """Number of nodes by state, the most frequent first."""
    states = Counter(state_of(get_path(node, "state")) for node in listed(data, "Node"))
    return dict(states.most_common())


def _burn(panels: dict[str, Panel]) -> Decimal | None:
    sessions = panels["sessions"]
    if not sessions.has_data:
        return None
    return _sum(session.usd for session in sessions.data)


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def _hours_left(panels: dict[str, Panel]) -> Decimal | None:
    balance, sessions, network = panels["balance"], panels["sessions"], panels["network"]
    if not (balance.has_data and sessions.has_data and network.has_data):
        return None
    price = network.data.figures["market_price"]
    return hours_left(balance.data, (session.usd for session in sessions.data), price)


def _steps(browser: Browser) -> list[Step]:
    """Three first steps in the sandbox; none once all are done, or outside of a sandbox."""
    if not browser.api_target.is_sandbox:
        return []

    def happened(**filters: str) -> bool:
        return latest_calls(browser, 1, **filters)[1] > 0

    steps = [
        Step("See data", "Sample nodes, on a map and in a table.", "nodes.index",
             happened(page="nodes.index")),
        Step("Break an endpoint", "Inject a fault, send 50 calls, and see the attempts of each.", "lab.index",
             happened(page="lab.fire")),
        Step("Rent and stop", "Rent a machine, wait until it is ready, then stop it. Free in the sandbox.",
             "services.index", happened(method="POST", text="/stop")),
    ]  # fmt: skip
    there = [step for step in steps if step.endpoint in current_app.view_functions]
    return [] if all(step.done for step in there) else there
