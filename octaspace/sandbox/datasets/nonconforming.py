"""The data set loose: every shape of quirks.md that the default data set does not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ..world.idle_jobs import IdleJob
from ..world.nodes import Node
from ..world.rental import Rental
from .initial_state import InitialState

_PORTS: tuple[Any, ...] = ("", None, "not a list", "[22,", [22], "[5000,6000]")
_BANDWIDTHS: tuple[Any, ...] = ("872229553", None, 0, "941.5", 900)
#: Of relays: the name of the fields and the value, megabit or bytes per second (Q23).
_RELAY_BANDWIDTHS: tuple[tuple[str, Any], ...] = (
    ("mbits", 450),
    ("mbs", 450),
    ("mbits", 2_892_312),
    ("mbs", 2_892_312),
    ("mbits", "941.5"),
    ("mbs", "872229553"),
    ("mbits", None),
)
_STATES = ("online", "idle", "active", "busy", "offline", "blocked", "", None, "maintenance")
_REASONS: tuple[int | str, ...] = (0, "0", 1, "1", 3, "7", 99, "low balance", "node went offline", "")
_ENVS: tuple[dict[str, Any], ...] = (
    {"TOKEN": "", "WORKERS": 3, "SHARE": 0.5, "DEBUG": True, "QUIET": False, "PROXY": None, "MODE": "fast"},
    {"WORKERS": 3},
    {},
)
#: Answers of creations that create nothing (Q19), on the last free nodes of each catalogue.
_EMPTY_RESULTS: tuple[dict[str, Any] | str | None, ...] = (
    {"message": "INTERNAL_ERROR"},
    {"error": "no capacity"},
    {"uuid": ""},
    {},
    None,
    "the request was not understood",
)


def make_nonconforming(state: InitialState) -> InitialState:
    """The same state in nonconforming shapes.

    Port lists (Q3), bandwidth (Q4, Q23), prices (Q5), money as text (Q8), idle logs (Q11), creations that
    create nothing (Q19), the other /network (Q21), GPUs and reliability (Q22), ends (Q24), states (Q25), envs
    (Q27).
    """
    return replace(
        state,
        nodes=[_node(node, place) for place, node in enumerate(state.nodes)],
        apps=[_app(app, place) for place, app in enumerate(state.apps)],
        mr=[_offer(offer, place) for place, offer in enumerate(state.mr)],
        render=[_offer(offer, place) for place, offer in enumerate(state.render)],
        vpn=[_relay(relay, place) for place, relay in enumerate(state.vpn)],
        network=_network(state.network),
        idle_jobs={key: _idle_job(job) for key, job in state.idle_jobs.items()},
        rentals=[_rental(rental) for rental in state.rentals],
        empty_results=_empty_results(state),
        loose=True,
    )


def octa_float(wei: int) -> float:
    """Wei as in older answers: a float in OCTA (Q8)."""
    return round(wei / 10**18, 2)


def log_lines(logs: dict[str, Any]) -> list[str]:
    """Session logs in their older shape, a list of strings (Q13)."""
    return [*(entry["msg"] for entry in logs["system"]), *logs["container"].splitlines()]


def nonconforming_session(view: dict[str, Any], number: int) -> dict[str, Any]:
    """A session, active or finished, in one of its loose shapes; `number` decides which."""
    view = dict(view)
    if number % 2:  # Q8
        view["charge_amount"] = str(view["charge_amount"])
    if "finished_at" in view:  # Q9
        for name in ("duration", "rx", "tx"):
            view[name] = str(view[name])
        for name in ("started_at", "finished_at"):
            view[name] = _TIMES[number % 3](view[name])
    if "container_id" in view and number % 3 == 1:  # Q10
        view["container_id"] = view["container_id"][0]
    if "config" in view and number % 4 == 2:  # Q31
        view["vpn_config"] = view.pop("config")
    if view.get("urls") and number % 2 == 0:  # Q31
        view["urls"] = list(view["urls"].values())
    if "ports_matrix" in view and number % 3 != 1:  # Q31
        view["ports_matrix"] = _PORTS_TEXTS[number % 3 // 2](view["ports_matrix"])
    if "node_hw" in view and number % 3 == 2:  # Q22
        view["node_hw"] = {**view["node_hw"], "gpu": _by_vendor(view["node_hw"]["gpu"], with_amd=False)}
    return view


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


#: Milliseconds since 1970, seconds, ISO 8601 (Q9).
_TIMES: tuple[Callable[[int], int | str], ...] = (int, lambda milliseconds: milliseconds // 1000, _iso)
_PORTS_TEXTS: tuple[Callable[[dict[str, int]], str], ...] = (
    json.dumps,
    lambda matrix: ", ".join(f"{outer}:{inner}" for outer, inner in matrix.items()),
)


def _node(node: Node, place: int) -> Node:
    base = node.prices["base"]
    return replace(
        node,
        state=_STATES[place % len(_STATES)],
        # Text, and beyond 2**64 Wei (Q8).
        prices={**node.prices, "base": (base, str(base), base * 50, str(base * 50))[place % 4]},
    )


def _app(app: dict[str, Any], place: int) -> dict[str, Any]:
    extra = (
        {**app["extra"], "guide": f"https://guides.example.com/{app['id']}"} if place % 2 else app["extra"]
    )
    return {
        **app,
        "ports": _PORTS[place % 6],
        "http_ports": _PORTS[(place + 1) % 6],
        "envs": {**app["envs"], **_ENVS[place % len(_ENVS)]},
        "extra": extra,
    }


def _offer(offer: dict[str, Any], place: int) -> dict[str, Any]:
    changed = {
        **offer,
        "net_down_mbits": _BANDWIDTHS[place % 5],
        "net_up_mbits": _BANDWIDTHS[(place + 1) % 5],
    }
    percent = offer["reliability"]["uptime"]
    changed["reliability"] = (offer["reliability"], percent, str(percent))[place % 3]
    if place % 2:  # As in the Ruby fixture: base_usd and traffic_usd are all there is.
        for name in [key for key in changed if key.startswith(("total_price", "base", "storage", "traffic"))]:
            if name not in ("base_usd", "traffic_usd"):
                del changed[name]
    else:
        for name in ("total_price_wei", "base"):
            changed[name] = str(changed[name])
    return _with_gpus(changed, place) if offer["gpus"] else changed


def _with_gpus(offer: dict[str, Any], place: int) -> dict[str, Any]:
    """The offer with the fields `gpus` and `gpu` in one of five shapes (Q22)."""
    listed, shape = offer["gpus"], place % 5
    if shape == 0:  # The model of the first card.
        return {**offer, "gpu": listed[0]["model"]}
    if shape == 1:  # Models with their cards.
        return {**offer, "gpu": {listed[0]["model"]: listed}}
    changed = {**offer, "gpu": _by_vendor(listed, with_amd=shape == 4)}
    if shape > 2:  # Instead of the list; otherwise in addition to it.
        del changed["gpus"]
    return changed


def _by_vendor(listed: list[dict[str, Any]], with_amd: bool) -> dict[str, list[dict[str, Any]]]:
    """The cards as {nvidia, amd, intel}; of AMD's cards only number, memory and model are known."""
    more = {
        "driver_version": "570.86",
        "mem_utilization": 12,
        "display_active": "Disabled",
        "display_mode": "Enabled",
    }
    amd = {"idx": len(listed), "mem_total_mb": 24_576, "model": "AMD Radeon RX 7900 XTX"}
    nvidia = [{**card, "idx": place, **more} for place, card in enumerate(listed)]
    return {"nvidia": nvidia, "amd": [amd] if with_amd else [], "intel": []}


def _relay(relay: dict[str, Any], place: int) -> dict[str, Any]:
    unit, value = _RELAY_BANDWIDTHS[place % len(_RELAY_BANDWIDTHS)]
    kept = {name: each for name, each in relay.items() if not name.startswith("net_")}
    return {**kept, f"net_down_{unit}": value, f"net_up_{unit}": value}


def _network(network: dict[str, Any]) -> dict[str, Any]:
    """The shape of /network that the website reads (Q21), without what only the documented one has."""
    website = {
        "nodes": ("count", "locations", "vpn_locations"),
        "power": ("gpus", "tflops"),
        "platform": ("users", "users_24h"),
    }
    return {
        **{name: network[name] for name in ("blockchain", "market_price", "marketplace", "render")},
        **{part: {name: network[part][name] for name in names} for part, names in website.items()},
    }


def _empty_results(state: InitialState) -> dict[int, dict[str, Any] | str | None]:
    taken = 3  # The last three machines refuse every rental already.
    empty_results: dict[int, dict[str, Any] | str | None] = {}
    for offers, left in ((state.mr, taken), (state.render, 0), (state.vpn, 0)):
        last = offers[len(offers) - left - len(_EMPTY_RESULTS) : len(offers) - left]
        empty_results |= {
            offer["node_id"]: empty_result for offer, empty_result in zip(last, _EMPTY_RESULTS, strict=True)
        }
    return empty_results


def _rental(rental: Rental) -> Rental:
    if rental.ended is None:
        return rental
    return replace(rental, termination_reason=_REASONS[rental.number % len(_REASONS)])


def _idle_job(job: IdleJob) -> IdleJob:
    return replace(job, shape="strings")
