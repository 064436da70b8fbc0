"""The hostile data set: every text says what a careless page would run, break on or be fooled by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..world.idle_jobs import IdleJob
from ..world.nodes import Node
from ..world.rental import Rental
from .initial_state import Seeds

_RLO, _ESC, _LRI = "\u202e", "\x1b", "\u2066"

#: Said in turn. `window.pwned` is what a browser test looks for.
PAYLOADS = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<img src=x onerror=window.pwned=3>",
    '" onmouseover="window.pwned=4" x="',
    "' autofocus onfocus='window.pwned=5",
    "1';window.pwned=6;//",
    "javascript:window.pwned=7",
    "data:text/html,<script>window.pwned=8</script>",
    f"safe{_RLO}gpj.exe{_LRI}",
    f"{_ESC}[31mred{_ESC}[2J{_ESC}]0;title\x07",
    "nul\x00 bell\x07 tab\t cr\r lf\n del\x7f c1\x9b",
    '=HYPERLINK("http://evil.example","cell")',
    "{{ 7*7 }} {% raw %} ${7*7} %s %(x)s {0}",
    "-->]]><svg/onload=window.pwned=9>",
    "../../../etc/passwd",
    "\u2028line\u2029paragraph\ufeff\u200b",
    "‮שלום\U0001f680é́́",
    "N" * 10_240,
)

#: Identifiers: they travel in paths as well, so each has something that must be percent-encoded.
_ID_PAYLOADS = (
    "1';window.pwned=10;//",
    "<img src=x onerror=window.pwned=11>",
    "a/b?c=d#e%2f",
    '" onclick="window.pwned=12',
    f"id{_RLO}di",
    "with space & ampersand+plus",
    "</script><script>window.pwned=13</script>",
    "javascript:window.pwned=14",
    f"nul\x00bell\x07{_ESC}[31mred\r\n\x7f\x9b",
    "\u2028line\ufeff\u200b",
)

#: Objects whose keys are somebody's words, not the API's.
_MAPS = frozenset({"envs", "user_envs", "gpus", "gpu"})
#: Numbers and lists in string clothes: they stay what the specification wants them to be.
_SHAPED = frozenset({"ports", "http_ports", "base", "total_price_wei"})


class _Poison:
    """Hands the payloads out in turn."""

    def __init__(self) -> None:
        self._turn = 0

    def text(self) -> str:
        self._turn += 1
        return PAYLOADS[self._turn % len(PAYLOADS)]

    def walk(self, value: Any, name: str = "") -> Any:
        """`value` with each text in it replaced, and the keys of maps as well."""
        if isinstance(value, str):
            return value if name in _SHAPED else self.text()
        if isinstance(value, list):
            return [self.walk(each) for each in value]
        if isinstance(value, dict):
            return {
                (f"{self.text()}{place}" if name in _MAPS else key): self.walk(each, key)
                for place, (key, each) in enumerate(value.items())
            }
        return value

    def identifier(self, number: int) -> str:
        return f"{_ID_PAYLOADS[number % len(_ID_PAYLOADS)]}~{number}"


def poison(seeds: Seeds) -> Seeds:
    """The same world with hostile words; numbers, dates and what the simulation itself needs are kept."""
    bad = _Poison()
    offers = {id(offer): bad.walk(offer) for group in (seeds.mr, seeds.render, seeds.vpn) for offer in group}
    return replace(
        seeds,
        account=bad.walk(seeds.account),
        nodes=[_node(bad, node, place) for place, node in enumerate(seeds.nodes)],
        mr=[offers[id(offer)] for offer in seeds.mr],
        render=[offers[id(offer)] for offer in seeds.render],
        vpn=[offers[id(offer)] for offer in seeds.vpn],
        apps=[{**bad.walk(app), "uuid": bad.identifier(place)} for place, app in enumerate(seeds.apps)],
        network=bad.walk(seeds.network),
        idle_jobs={key: _idle_job(bad, job) for key, job in seeds.idle_jobs.items()},
        rentals=[_rental(bad, rental) for rental in seeds.rentals],
        refusals={node_id: (status, bad.text()) for node_id, (status, _) in seeds.refusals.items()},
        file_name='../../{id}"<b>=x.{kind}',
        note=f" {PAYLOADS[1]}{PAYLOADS[9]}",
    )


def _node(bad: _Poison, node: Node, place: int) -> Node:
    return replace(
        node,
        # Two in three keep an honest state: the set is open, yet pages must still find what is online.
        state=bad.text() if place % 3 == 2 else node.state,
        ip=bad.text(),
        agent=bad.text(),
        verified=bad.text(),
        location=bad.walk(node.location),
        location_more=bad.walk(node.location_more),
        hardware=bad.walk(node.hardware),
        software=bad.walk(node.software),
        features=bad.walk(node.features),
    )


def _idle_job(bad: _Poison, job: IdleJob) -> IdleJob:
    return replace(job, status=bad.text(), error=bad.text(), lines=bad.walk(job.lines))


def _rental(bad: _Poison, rental: Rental) -> Rental:
    return replace(
        rental,
        uuid=bad.identifier(rental.number),
        kind=bad.text() if rental.service != "vpn" else rental.kind,
        place=bad.walk(rental.place),
        node_hw=bad.walk(rental.node_hw),
        app_name=bad.text(),
        image=bad.text(),
        extra=_extra(bad, rental.service),
        note=" " + bad.text(),
        words=bad.text(),
        termination_reason=bad.walk(rental.termination_reason),
    )


def _extra(bad: _Poison, service: str) -> dict[str, Any]:
    """Hostile texts in the fields that a session of this kind has besides those of `Rental`."""
    fields: dict[str, Any] = {"public_ip": bad.text()}
    if service == "vpn":
        return {**fields, "ip": bad.text()}
    fields |= {
        "user_envs": {bad.text(): bad.text()},
        "urls": {"8080": "javascript:window.pwned=15", bad.text(): bad.text()},
        "app_logo": "javascript:window.pwned=16",
    }
    if service == "mr":
        fields |= {
            "ssh_web": "javascript:window.pwned=17",
            "ssh_direct": {"host": bad.text(), "port": 42_000},
            "ssh_proxy": {"host": bad.text(), "port": 10_022},
            "container_id": [bad.text(), bad.text()],
        }
    return fields
