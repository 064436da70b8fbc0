"""Table of all pages, for tests and for the screenshots of the docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from playwright.sync_api import Page

from octaspace.sandbox import SandboxServer

from .acting import open_order, rent_relay

__all__ = ["AREAS", "MISSING", "PLACES", "Place", "open_place", "place_of"]

Address = Callable[[Page, SandboxServer], str]


@dataclass(frozen=True)
class Place:
    """A page, and how to get there.

    Attributes:
        name: What it is called in reports, and the name of its picture.
        address: Its path and query, or what finds them.
        endpoint: Which endpoint of the sidebar it is; empty for pages further in.
        status: What it is answered with.
    """

    name: str
    address: str | Address
    endpoint: str = ""
    status: int = 200

    def __str__(self) -> str:
        return self.name


def open_place(page: Page, place: Place, sandbox: SandboxServer) -> None:
    """Go there."""
    address = place.address if isinstance(place.address, str) else place.address(page, sandbox)
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == place.status, answer.text()[:2000]


def _node(page: Page, sandbox: SandboxServer) -> str:
    return f"/playground/nodes/{sandbox.world.nodes()[0]['id']}"


def _new_prices(page: Page, sandbox: SandboxServer) -> str:
    chosen = "&".join(f"node={node['id']}" for node in sandbox.world.nodes()[:5])
    return f"/playground/nodes/prices?{chosen}&base=1500000000000000000&storage=0.5"


def _uuid(sandbox: SandboxServer, service: str) -> str:
    return next(rental.uuid for rental in sandbox.world.active() if rental.service == service)


def _session(service: str, query: str = "") -> Address:
    return lambda page, sandbox: f"/playground/sessions/{_uuid(sandbox, service)}{query}"


def _finished(page: Page, sandbox: SandboxServer) -> str:
    return f"/playground/sessions/{next(iter(sandbox.world.sessions.finished))}?recent=true"


def _stop(page: Page, sandbox: SandboxServer) -> str:
    return f"/playground/sessions/stop?uuid={_uuid(sandbox, 'mr')}&uuid={_uuid(sandbox, 'vpn')}"


def _offer(sandbox: SandboxServer) -> int:
    return int(sandbox.world.initial_state.mr[0]["node_id"])


def _rent(page: Page, sandbox: SandboxServer) -> str:
    return f"/playground/services/mr/rent?node_id={_offer(sandbox)}"


def _rent_confirm(page: Page, sandbox: SandboxServer) -> str:
    """The confirmation of a rental, which follows its form."""
    open_order(page, _offer(sandbox))
    return page.url


def _rentals(page: Page, sandbox: SandboxServer) -> str:
    """The ledger with an entry that this browser may change."""
    rent_relay(page)
    return "/playground/rentals"


def _of_rental(action: str) -> Address:
    def address(page: Page, sandbox: SandboxServer) -> str:
        page.goto(_rentals(page, sandbox))
        return str(page.locator(f".rental-actions a[href$='/{action}']").last.get_attribute("href"))

    return address


def _compare(page: Page, sandbox: SandboxServer) -> str:
    nodes = [offer["node_id"] for offer in sandbox.world.initial_state.mr[:4]]
    return "/playground/services?" + "&".join(f"compare={node}" for node in nodes)


def _job(page: Page, sandbox: SandboxServer) -> str:
    node, job = next(iter(sandbox.world.initial_state.idle_jobs))
    return f"/playground/idle-jobs?node={node}&job={job}"


def _call(page: Page, sandbox: SandboxServer) -> str:
    """A call of this browser, which has to be made first; not one that the cache answers."""
    page.goto("/playground/network?_fresh=1")
    return urlsplit(str(page.locator("#drawer .calls th a").first.get_attribute("href"))).path


AREAS = {
    "overview": (
        Place("dashboard", "/playground/dashboard", "dashboard.index"),
        Place("network", "/playground/network", "network.index"),
        Place("account", "/playground/account", "account.index"),
        Place("apps", "/playground/apps", "apps.index"),
    ),
    "offers": (
        Place("services", "/playground/services", "services.index"),
        Place("services-compare", _compare),
        Place("services-vpn", "/playground/services?tab=vpn"),
        Place("services-render", "/playground/services?tab=render"),
    ),
    "renting": (
        Place("rent", _rent),
        Place("rent-confirm", _rent_confirm),
        Place("sessions-stop", _stop),
    ),
    "sessions": (
        Place("sessions", "/playground/sessions", "sessions.index"),
        Place("sessions-recent", "/playground/sessions?tab=recent"),
        Place("session", _session("mr")),
        Place("session-vpn", _session("vpn", "?reveal=config")),
        Place("session-recent", _finished),
    ),
    "rentals": (
        Place("rentals", _rentals, "rentals.index"),
        Place("rentals-stop", _of_rental("stop")),
        Place("rentals-extend", _of_rental("extend")),
    ),
    "nodes": (
        Place("nodes", "/playground/nodes", "nodes.index"),
        Place("nodes-prices", _new_prices),
        Place("node", _node),
        Place("node-log", lambda page, sandbox: f"{_node(page, sandbox)}/log?find=peer"),
        Place("idle-jobs", "/playground/idle-jobs", "idle_jobs.index"),
        Place("idle-job", _job),
    ),
    "tools": (
        Place("diagnostics", "/playground/diagnostics", "diagnostics.index"),
        Place("runner", "/playground/diagnostics/runner", "runner.index"),
        Place("runner-method", "/playground/diagnostics/runner?method=services.mr.create"),
        Place("smoke", "/playground/diagnostics/smoke", "smoke.index"),
        Place("lab", "/playground/diagnostics/lab", "lab.index"),
    ),
    "own": (
        Place("requests", "/playground/requests", "requests.index"),
        Place("request", _call),
        Place("settings", "/playground/settings", "settings.index"),
        Place("search", "/playground/search?q=node"),
    ),
}

PLACES = tuple(chain.from_iterable(AREAS.values()))

MISSING = Place("missing", "/playground/nothing-here", status=404)


def place_of(name: str) -> Place:
    """The place with this name."""
    return next(place for place in PLACES if place.name == name)
