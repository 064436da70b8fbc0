"""Own nodes: map and table, and the page of one node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from flask import render_template, request, url_for

from ...domain.node_state import reboot_obstacle, severity_of, state_of
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id
from ...web.network_panel import network_panel
from ...web.panels import Panel, PanelRequest, load
from ...web.url_ids import links
from . import several_views  # noqa: F401  # its routes
from .blueprint import bp
from .file_views import download_line
from .land import land_path
from .listing import NOWHERE, ONLINE, NodeFilter, NodeRow, read_nodes
from .machine import Machine, entry_of, read_machine
from .map import dots, read_places
from .node_changes import reboot_line
from .prices import PRICES, Asked, PriceChange, as_sent, changes, current, read_typed
from .reboot import requested_reboot
from .table import node_cells

__all__ = ["bp"]

#: Temperatures of a GPU in °C from which it is marked.
_WARM: Final = 65
_HOT: Final = 80


@bp.get("")
def index() -> str:
    wanted = NodeFilter.read(request.args)
    panels = load(PanelRequest("nodes", "Nodes", SdkCall("nodes.list"), shape=read_nodes))
    rows: list[NodeRow] = panels["nodes"].data or []
    shown = wanted.apply(rows)
    places = read_places(rows)
    return render_template(
        "nodes/index.html",
        **panels,
        rows=shown,
        cells=node_cells(shown, links("nodes.show", "node_id")),
        wanted=wanted,
        choices=NodeFilter.choices(rows),
        countries=wanted.countries(rows),
        described=wanted.described(rows),
        states=Counter(row.state for row in rows).most_common(),
        online=sum(row.online for row in rows),
        any_online=ONLINE,
        severity_of=severity_of,
        places=places,
        dots=dots(places, _filtered),
        land=land_path(),
        unplaced=sum(row.place == NOWHERE for row in rows),
    )


def _filtered(place: str, state: str) -> str:
    return url_for("nodes.index", place=place, state=state, _anchor="panel-nodes")


@bp.get("/<id:node_id>")
def show(node_id: str) -> str:
    node = as_id(node_id)
    panels = load(
        PanelRequest("node", "Machine", SdkCall("nodes.find", node), shape=read_machine),
        PanelRequest(
            "listed", "Prices", SdkCall("nodes.list"),
            shape=lambda data: entry_of(data, node_id), needs=("network",),
        ),
        network_panel(),
    )  # fmt: skip
    listed, network = panels["listed"], panels["network"]
    prices = current(listed.data if listed.has_data else None)
    typed, errors = read_typed(request.args)
    review = _reviewed(prices, typed, errors)
    machine: Machine | None = panels["node"].data
    entry = listed.data if listed.has_data else None
    state = machine.state if machine else state_of(entry.get("state")) if entry else None
    return render_template(
        "nodes/detail.html",
        **panels,
        id=node_id,
        is_unknown=_is_missing(panels["node"]) and entry is None,
        reboot_obstacle=reboot_obstacle(state) if state is not None else "",
        reboot=requested_reboot(node_id, machine),
        severity_of=severity_of,
        prices=prices,
        market_price=network.data.figures["market_price"] if network.has_data else None,
        typed={price.name: request.args.get(price.name, "")[:60] for price in PRICES},
        errors=errors,
        review=review,
        nothing_new=bool(review) and all(each.is_none for each in review),
        hot=_HOT,
        warm=_WARM,
        lines={
            "reboot": reboot_line(node_id),
            "ident": download_line(node_id, "ident"),
            "logs": download_line(node_id, "logs"),
        },
        review_line=_line(node, review),
    )


def _is_missing(panel: Panel) -> bool:
    return panel.problem is not None and panel.problem.status == 404


def _reviewed(
    prices: Mapping[str, Asked], typed: Mapping[str, str], errors: Mapping[str, str]
) -> list[PriceChange]:
    """The changes to confirm; none if there is no input, or if a part of it is invalid."""
    return [] if errors else changes(prices, typed)


def _line(node: int | str, review: list[PriceChange]) -> SdkCall | None:
    """The call that the confirmed form makes."""
    prices = as_sent({each.new.price.name: each.new.figure for each in review if not each.is_none})
    return SdkCall("nodes.update_prices", node, **prices) if prices else None
