"""The operations of openapi.yaml: method, path, whether it changes something, and its handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..world.idle_jobs import IdleJob
from ..world.world import World
from . import bodies, filters
from .problem import invalid, not_found


@dataclass(frozen=True)
class Download:
    """An answer that is a file."""

    content: bytes
    name: str


@dataclass(frozen=True)
class Created:
    """The answer to a creation that was asked for with a single object: 201 (Q17)."""

    content: dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One parsed request: path parameters, query, and body (None without a body)."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def flag(self, name: str) -> bool:
        """A boolean of the query; false when missing, 422 for another text."""
        value = self.query.get(name, "false").lower()
        if value not in ("true", "1", "false", "0", ""):
            raise invalid(f"{name} must be true or false")
        return value in ("true", "1")

    def number(self, name: str, what: str) -> int:
        """A number in the path; 404 for `what` when it is not a number."""
        text = self.path[name]
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise not_found(what)
        return int(text)

    def node_id(self) -> int:
        """The id of one of the account's own nodes."""
        return self.number("id", "Node")


class Operation(NamedTuple):
    """One row of the table below."""

    method: str
    template: str
    id: str
    change: bool
    run: Callable[[World, Call], Any]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path parameters when the decoded `segments` fit, else None."""
        wanted = split_path(self.template)
        if len(wanted) != len(segments):
            return None
        found: dict[str, str] = {}
        for want, got in zip(wanted, segments, strict=True):
            if want.startswith("{"):
                found[want.strip("{}")] = got
            elif want != got:
                return None
        return found


def _ident(world: World, call: Call) -> Download:
    node = world.own_node(call.node_id())
    return Download(node.ident(), world.initial_state.file_name.format(id=node.id, kind="ident"))


def _log(world: World, call: Call) -> Download:
    node = world.own_node(call.node_id())
    return Download(node.log(), world.initial_state.file_name.format(id=node.id, kind="log"))


def _prices(world: World, call: Call) -> Any:
    world.own_node(call.node_id())
    return world.update_prices(call.node_id(), bodies.price_update(call.body))


def _sessions(world: World, call: Call) -> Any:
    recent = call.flag("recent")
    with world.lock:
        return world.sessions.listing(recent)


def _rent(world: World, call: Call) -> Any:
    with world.lock:
        if isinstance(call.body, list):
            return world.sessions.rent_each(bodies.rental_items(call.body))
        request = bodies.rental_request(call.body, world.sessions.app_defaults)
        return Created(world.sessions.rent_one(request))


def _start_vpn(world: World, call: Call) -> Created:
    request = bodies.vpn_request(call.body)
    with world.lock:
        return Created(world.sessions.start_vpn(request))


def _start_render(world: World, call: Call) -> Created:
    request = bodies.render_request(call.body)
    with world.lock:
        return Created(world.sessions.start_render(request))


def _nodes(world: World, call: Call) -> Any:
    return world.nodes(lambda node: filters.wants_node(node, call.query))


def _apps(world: World, call: Call) -> Any:
    return filters.applications(world.initial_state.apps, call.query)


def _machines(world: World, call: Call) -> Any:
    return filters.machines(world.initial_state.mr, call.query, world.initial_state.apps)


def _relays(world: World, call: Call) -> Any:
    return filters.relays(world.initial_state.vpn, call.query)


def _render_nodes(world: World, call: Call) -> Any:
    return filters.machines(world.initial_state.render, call.query, world.initial_state.apps)


def _info(world: World, call: Call) -> Any:
    with world.lock:
        return world.sessions.info(call.path["uuid"])


def _logs(world: World, call: Call) -> Any:
    recent = call.flag("recent")
    with world.lock:
        return world.sessions.logs(call.path["uuid"], recent)


def _idle_job(world: World, call: Call) -> IdleJob:
    return world.idle_job(call.number("node_id", "Idle job"), call.number("job_id", "Idle job"))


def _stop(world: World, call: Call) -> Any:
    score = bodies.score(call.body)
    with world.lock:
        return world.sessions.stop(call.path["uuid"], score)


OPERATIONS = (
    Operation("GET", "/network", "network_information", False, lambda world, call: world.network()),
    Operation("GET", "/accounts", "account_profile", False, lambda world, call: world.account()),
    Operation("POST", "/accounts", "generate_wallet", True, lambda world, call: world.new_wallet()),
    Operation("GET", "/accounts/balance", "account_balance", False, lambda world, call: world.balance()),
    Operation("GET", "/nodes", "list_own_nodes", False, _nodes),
    Operation("GET", "/nodes/{id}", "node_detail", False, lambda world, call: world.node(call.node_id())),
    Operation("GET", "/nodes/{id}/ident", "download_node_identity", False, _ident),
    Operation("GET", "/nodes/{id}/logs", "download_node_logs", False, _log),
    Operation("PATCH", "/nodes/{id}/prices", "update_node_prices", True, _prices),
    # A GET with a side effect (Q1).
    Operation(
        "GET", "/nodes/{id}/reboot", "reboot_node", True, lambda world, call: world.reboot(call.node_id())
    ),
    Operation("GET", "/sessions", "list_sessions", False, _sessions),
    Operation("GET", "/apps", "list_apps", False, _apps),
    Operation("GET", "/services/mr", "list_machines_on_offer", False, _machines),
    Operation("POST", "/services/mr", "rent_machines", True, _rent),
    Operation("GET", "/services/vpn", "list_vpn_relays", False, _relays),
    Operation("POST", "/services/vpn", "start_vpn", True, _start_vpn),
    Operation("GET", "/services/render", "list_render_nodes_on_offer", False, _render_nodes),
    Operation("POST", "/services/render", "start_render", True, _start_render),
    # The older spelling of the two (Q20).
    Operation("GET", "/services/r", "list_render_nodes_by_older_path", False, _render_nodes),
    Operation("POST", "/services/r", "start_render_by_older_path", True, _start_render),
    Operation("GET", "/services/{uuid}/info", "session_info", False, _info),
    Operation("GET", "/services/{uuid}/logs", "session_logs", False, _logs),
    Operation("POST", "/services/{uuid}/stop", "stop_session", True, _stop),
    # Another GET with a side effect: older deployments stop sessions by it (Q20).
    Operation("GET", "/services/{uuid}/stop", "stop_session_by_get", True, _stop),
    Operation(
        "GET",
        "/idle_jobs/{node_id}/{job_id}",
        "idle_job",
        False,
        lambda world, call: _idle_job(world, call).view(world.clock.time()),
    ),
    Operation(
        "GET",
        "/idle_jobs/{node_id}/{job_id}/logs",
        "idle_job_logs",
        False,
        lambda world, call: _idle_job(world, call).logs(),
    ),
)


def split_path(path: str) -> list[str]:
    """The segments of a path, each percent-decoded by itself: `a%2Fb` is one segment, `a/b` are two."""
    return [unquote(segment) for segment in path.removeprefix("/").split("/")]


def find(method: str, segments: list[str]) -> tuple[Operation | None, dict[str, str], list[str]]:
    """The operation for a request, its path parameters, and the methods that the path allows."""
    allowed: list[str] = []
    for operation in OPERATIONS:
        found = operation.match(segments)
        if found is None:
            continue
        if operation.method == method:
            return operation, found, [method]
        allowed.append(operation.method)
        # HEAD is a GET without its body, unless that GET has a side effect.
        if method == "HEAD" and operation.method == "GET" and not operation.change:
            return operation, found, allowed
    return None, {}, allowed
