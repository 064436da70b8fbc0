"""The loose data set: answers that quirks.md has seen and the specification does not allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .idle_jobs import IdleJob
from .seeds import Seeds

_PORTS: tuple[Any, ...] = ("", None, "not a list", "[22,", [22], "[5000,6000]")
_BANDWIDTHS: tuple[Any, ...] = ("872229553", None, 0, "941.5", 900)


def loosen_seeds(seeds: Seeds) -> Seeds:
    """The same world in its loosest shapes: port lists (Q3), bandwidth (Q4), prices (Q5), idle logs (Q11)."""
    return replace(
        seeds,
        apps=[_app(app, place) for place, app in enumerate(seeds.apps)],
        mr=[_offer(offer, place) for place, offer in enumerate(seeds.mr)],
        render=[_offer(offer, place) for place, offer in enumerate(seeds.render)],
        vpn=[{**relay, "net_up_mbits": _BANDWIDTHS[place % 5]} for place, relay in enumerate(seeds.vpn)],
        idle_jobs={key: _idle_job(job) for key, job in seeds.idle_jobs.items()},
        loose=True,
    )


def octa_float(wei: int) -> float:
    """Wei as older answers say it: a float in OCTA (Q8)."""
    return round(wei / 10**18, 2)


def log_lines(logs: dict[str, Any]) -> list[str]:
    """Session logs in their older shape, a list of strings (Q13)."""
    return [*(entry["msg"] for entry in logs["system"]), *logs["container"].splitlines()]


def _app(app: dict[str, Any], place: int) -> dict[str, Any]:
    return {**app, "ports": _PORTS[place % 6], "http_ports": _PORTS[(place + 1) % 6]}


def _offer(offer: dict[str, Any], place: int) -> dict[str, Any]:
    changed = {
        **offer,
        "net_down_mbits": _BANDWIDTHS[place % 5],
        "net_up_mbits": _BANDWIDTHS[(place + 1) % 5],
    }
    if place % 2:  # As in the Ruby fixture: base_usd and traffic_usd are all there is.
        for name in [key for key in changed if key.startswith(("total_price", "base", "storage", "traffic"))]:
            if name not in ("base_usd", "traffic_usd"):
                del changed[name]
    return changed


def _idle_job(job: IdleJob) -> IdleJob:
    return replace(job, shape="strings")
