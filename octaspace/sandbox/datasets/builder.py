"""A populated state: account, nodes, sessions and market, drawn from one random source."""

from __future__ import annotations

import random
from typing import Any

from ..world.idle_jobs import make_idle_jobs
from ..world.nodes import make_nodes
from ..world.rental import Rental
from .catalogue import applications
from .initial_state import InitialState, StartTime
from .market import make_network, make_offers, make_relays, offer_terms
from .rng import make_uuid

#: The balance of the examples, beyond 2**64 Wei (Q8): enough to run six sessions for a day.
OPENING_BALANCE = 1_234_567_890_123_456_789_012


def make_populated_state(
    source: random.Random,
    start: StartTime,
    *,
    nodes: int,
    mr: int,
    render: int,
    vpn: int,
    active: int,
    recent: int,
) -> InitialState:
    """A state with these numbers of each; its sessions began before the start."""
    machines = make_offers(source, mr, 9101 if mr < 100 else 20_001)
    state = InitialState(
        account=make_account(source),
        balance=OPENING_BALANCE * (active // 6),
        nodes=make_nodes(source, nodes, start.monotonic),
        mr=machines,
        render=make_offers(source, render, 9201 if mr < 100 else 30_001),
        vpn=make_relays(source, vpn, 9301 if mr < 100 else 40_001),
        apps=applications(),
        network=make_network(machines, relays=147, nodes=690),
        idle_jobs=make_idle_jobs(start.wall),
        refusals={
            machines[-2]["node_id"]: (1, "node is busy"),
            machines[-1]["node_id"]: (4, "node is unavailable"),
        },
    )
    # The one before the two that refuse has almost no disk left.
    machines[-3]["free_disk"] = 5_000_000_000
    state.rentals = [
        *(_rental(source, state, start, number, None) for number in range(active)),
        *(_rental(source, state, start, active + number, number) for number in range(recent)),
    ]
    return state


def make_account(source: random.Random) -> dict[str, Any]:
    """The answer of GET /accounts, but for the balance."""
    return {
        "account_uuid": make_uuid(source),
        "uid": 4211,
        "email": "user@example.com",
        "avatar": "https://example.com/avatar.png",
        "wallet": "0x" + source.randbytes(20).hex(),
        "ref_code": "REF42",
    }


#: Service, kind and application of the seeded sessions, in turn; the second is not ready yet.
_SESSIONS = (
    ("mr", "base", 1),
    ("mr", "base", 3),
    ("vpn", "wg", None),
    ("render", "base", 5),
    ("vpn", "http_proxy", None),
    ("mr", "base", 4),
)
_REASONS: tuple[int | str, ...] = (0, 1, "low balance", 0, 3, 0, "node went offline")
#: No seeded session has cost more Wei than this: their charges fit into 64 bits, as the Go client reads them.
_CHARGED = 2**62


def _rental(
    source: random.Random, state: InitialState, start: StartTime, number: int, over: int | None
) -> Rental:
    """A session that began before the start; `over` counts the finished ones, None means active."""
    service, kind, app = _SESSIONS[number % len(_SESSIONS)]
    offers = {"mr": state.mr, "render": state.render, "vpn": state.vpn}[service]
    offer = offers[number % max(1, len(offers) - 3)]
    terms = offer_terms(service, offer)
    longest = _CHARGED / terms["rate"] * 3_600
    if over is not None:
        before, length = 86_400.0 * (over + 1), min(28.0 + 3_000 * (over % 9), longest)
    else:
        before, length = (0.0 if number == 1 else min(3_600.0 * (number % 7 + 1), longest)), 0.0
    rental = Rental(
        uuid=make_uuid(source),
        service=service,
        kind=kind,
        node_id=offer["node_id"],
        number=number,
        started=start.monotonic - before,
        started_wall=start.wall - before,
        ready_after=start.ready_after if number == 1 else 10.0,
        **terms,
    )
    if app is not None:
        chosen = state.apps[app]
        rental.app_name, rental.image = chosen["name"], chosen["image"]
        rental.ports, rental.http_ports = [22], [8080] if app == 1 else []
    if over is not None:
        rental.ended = rental.started + length
        rental.termination_reason = _REASONS[over % len(_REASONS)]
    return rental
