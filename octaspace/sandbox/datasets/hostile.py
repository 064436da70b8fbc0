"""The data set hostile: texts that a careless page would run, break on or be fooled by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..world.idle_jobs import IdleJob
from ..world.nodes import Node
from ..world.rental import Rental
from .initial_state import InitialState

_RLO, _ESC, _LRI = "\u202e", "\x1b", "\u2066"

#: Used in turn. A browser test looks for `window.pwned`.
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

#: Identifiers: they are part of paths too, so each has a character that must be percent-encoded.
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

#: Objects whose keys come from users, not from the API.
_MAPS = frozenset({"envs", "user_envs", "gpus", "gpu"})
#: Numbers and lists that are sent as strings: they stay valid.
_SHAPED = frozenset({"ports", "http_ports", "base", "total_price_wei"})


class _HostileTexts:
    """Returns the payloads in turn."""

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


def inject_hostile_text(state: InitialState) -> InitialState:
    """The same state with hostile texts; numbers, dates and what the simulation needs are kept."""
    texts = _HostileTexts()
    offers = {
        id(offer): texts.walk(offer) for group in (state.mr, state.render, state.vpn) for offer in group
    }
    return replace(
        state,
        account=texts.walk(state.account),
        nodes=[_node(texts, node, place) for place, node in enumerate(state.nodes)],
        mr=[offers[id(offer)] for offer in state.mr],
        render=[offers[id(offer)] for offer in state.render],
        vpn=[offers[id(offer)] for offer in state.vpn],
        apps=[{**texts.walk(app), "uuid": texts.identifier(place)} for place, app in enumerate(state.apps)],
        network=texts.walk(state.network),
        idle_jobs={key: _idle_job(texts, job) for key, job in state.idle_jobs.items()},
        rentals=[_rental(texts, rental) for rental in state.rentals],
        refusals={node_id: (status, texts.text()) for node_id, (status, _) in state.refusals.items()},
        file_name='../../{id}"<b>=x.{kind}',
        note=f" {PAYLOADS[1]}{PAYLOADS[9]}",
    )


def _node(texts: _HostileTexts, node: Node, place: int) -> Node:
    return replace(
        node,
        # Two in three keep their state: pages must still find nodes that are online.
        state=texts.text() if place % 3 == 2 else node.state,
        ip=texts.text(),
        agent=texts.text(),
        verified=texts.text(),
        location=texts.walk(node.location),
        location_more=texts.walk(node.location_more),
        hardware=texts.walk(node.hardware),
        software=texts.walk(node.software),
        features=texts.walk(node.features),
    )


def _idle_job(texts: _HostileTexts, job: IdleJob) -> IdleJob:
    return replace(job, status=texts.text(), error=texts.text(), lines=texts.walk(job.lines))


def _rental(texts: _HostileTexts, rental: Rental) -> Rental:
    return replace(
        rental,
        uuid=texts.identifier(rental.number),
        kind=texts.text() if rental.service != "vpn" else rental.kind,
        place=texts.walk(rental.place),
        node_hw=texts.walk(rental.node_hw),
        app_name=texts.text(),
        image=texts.text(),
        extra=_extra(texts, rental.service),
        note=" " + texts.text(),
        progress_text=texts.text(),
        termination_reason=texts.walk(rental.termination_reason),
    )


def _extra(texts: _HostileTexts, service: str) -> dict[str, Any]:
    """Hostile texts in the fields that a session of this kind has in addition to those of `Rental`."""
    fields: dict[str, Any] = {"public_ip": texts.text()}
    if service == "vpn":
        return {**fields, "ip": texts.text()}
    fields |= {
        "user_envs": {texts.text(): texts.text()},
        "urls": {"8080": "javascript:window.pwned=15", texts.text(): texts.text()},
        "app_logo": "javascript:window.pwned=16",
    }
    if service == "mr":
        fields |= {
            "ssh_web": "javascript:window.pwned=17",
            "ssh_direct": {"host": texts.text(), "port": 42_000},
            "ssh_proxy": {"host": texts.text(), "port": 10_022},
            "container_id": [texts.text(), texts.text()],
        }
    return fields
