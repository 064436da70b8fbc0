"""Own nodes: map and table, and the page of one node with all of its actions."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect
from wtforms import StringField

import octaspace
from octaspace import Client
from octaspace.types import Disk, Location, Memory, Node, Rating, Reliability, System

from ...browser.state import current_browser
from ...domain.log_file import SHOWN_BYTES, LogFile, read_log_file, suffix_of
from ...domain.log_search import search_log
from ...domain.node_state import has_rebooted, reboot_obstacle, severity_of, state_of
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id, listed, single_line
from ...web.admission import uses_download_slot
from ...web.changes import change, change_each
from ...web.downloads import Fetch, fetch_file, send_file
from ...web.form_actions import ChangeForm, outcome
from ...web.network_panel import network_panel
from ...web.panels import Panel, PanelRequest, load
from ...web.url_ids import decoded, review_url
from .land import land_path
from .listing import NOWHERE, ONLINE, NodeFilter, NodeRow, read_nodes
from .map import dots, read_places
from .prices import PRICES, Asked, PriceChange, PriceError, as_sent, changes, current, read_typed
from .several import (
    MAX_AT_ONCE,
    ChosenNode,
    Review,
    name_to_type,
    read_chosen,
    review_prices,
    review_reboot,
)

bp = Blueprint("nodes", __name__, url_prefix="/playground/nodes")

#: Endpoint of the page that shows the outcome of a change.
_SHOW: Final = "nodes.show"

#: Minimum time limit for the log of a node in seconds: it is fetched whole, because the API has no other way.
_LOG_SECONDS: Final = 20.0

#: What an outcome contains about a reboot.
_REBOOT: Final = "reboot"

#: Seconds for which the page of a node asks whether it is back.
_WATCH_SECONDS: Final = 900

#: Characters in the URL of a review for the new prices.
_PRICES_ROOM: Final = 500

#: Temperatures of a GPU in °C from which it is marked.
_WARM: Final = 65
_HOT: Final = 80

#: Icons of states by severity, the same as in `state_badge`.
_ICONS: Final = {"good": "check-circle", "warn": "hourglass-split", "bad": "x-circle", "idle": "dash-circle"}


@dataclass(frozen=True)
class Machine:
    """A node for its page; unknown figures are None."""

    node: Node
    system: System
    disk: Disk
    memory: Memory
    location: Location
    reliability: Reliability
    rating: Rating

    @property
    def state(self) -> str:
        """The state as text, unchanged (Q25)."""
        return state_of(self.node.extra.get("state", self.node.state))

    @property
    def place(self) -> str:
        """City and country."""
        names = (single_line(self.location.city, 40), single_line(self.location.country, 40))
        return ", ".join(name for name in names if name)


@dataclass(frozen=True)
class RequestedReboot:
    """A reboot that was requested on the page of a node.

    Attributes:
        seconds: Seconds since the request.
        is_back: Whether the node is back.
    """

    seconds: float
    is_back: bool

    @property
    def is_watched(self) -> bool:
        """Whether the page still asks for the state by itself."""
        return not self.is_back and self.seconds < _WATCH_SECONDS

    @property
    def minutes(self) -> int:
        """Minutes for which the page asks."""
        return _WATCH_SECONDS // 60


class PricesForm(ChangeForm):
    """New prices, in the figures of the API."""

    base = StringField()
    storage = StringField()
    traffic = StringField()
    gpu_hour = StringField()
    cpu_hour = StringField()

    def values(self) -> dict[str, str | None]:
        return {price.name: self[price.name].data for price in PRICES}


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
        icons=_ICONS,
    )


def _filtered(place: str, state: str) -> str:
    return url_for("nodes.index", place=place, state=state, _anchor="panel-nodes")


@bp.post("/select")
def select() -> Redirect:
    """From the checkboxes of the table to the review, which has its own URL. Nothing is sent to the API."""
    action = request.form.get("action", "")
    endpoint = "nodes.review_reboots" if action == "reboot" else "nodes.review_prices_of_several"
    return redirect(review_url(endpoint, "node", _chosen(), most=MAX_AT_ONCE, room=_PRICES_ROOM), 303)


@bp.get("/reboot")
def review_reboots() -> str:
    """What a reboot of several nodes would do to each."""
    return _review("reboot", review_reboot, {}, {})


@bp.get("/prices")
def review_prices_of_several() -> str:
    """The form for new prices of several nodes, and the old and new price of each."""
    typed, errors = read_typed(request.args)
    return _review("prices", lambda nodes: review_prices(nodes, typed), typed, errors)


def _review(
    action: str,
    shape: Callable[[list[ChosenNode]], Review],
    typed: Mapping[str, str],
    errors: Mapping[str, str],
) -> str:
    ids = _chosen()[:MAX_AT_ONCE]
    read = read_chosen(ids)
    panels = {}
    if ids:
        panels = load(
            PanelRequest(
                "nodes", "Selected nodes", SdkCall("nodes.list"), shape=lambda data: shape(read(data))
            )
        )
    review: Review = panels["nodes"].data if ids and panels["nodes"].has_data else Review(())
    included = [node.id for node in review.included]
    is_ready = bool(included) and (action == "reboot" or bool(typed and not errors))
    return render_template(
        "nodes/several.html",
        **panels,
        action=action,
        ids=ids,
        review=review,
        included=included,
        is_ready=is_ready,
        left_out=request.args.get("left_out", 0, type=int),
        typed_prices=typed if not errors else {},
        prices=current(None),
        typed={price.name: request.args.get(price.name, "")[:60] for price in PRICES},
        errors=errors,
        confirm_name=name_to_type(included, "reboot" if action == "reboot" else "update") if included else "",
        lines={id: _line_of_several(action, id, typed) for id in included} if is_ready else {},
        severity_of=severity_of,
    )


@bp.post("/reboot")
def reboot_several() -> Redirect:
    ids = _posted()
    if not ids:
        return redirect(url_for("nodes.index"), 303)
    if len(ids) == 1:
        return reboot(ids[0])

    def obstacles() -> dict[str, str]:
        """Nodes that went offline after the review. Nodes whose state cannot be read are left to the API."""
        line = SdkCall("nodes.list")
        read = read_chosen(ids)
        panel = load(PanelRequest("nodes", "Nodes", line, shape=read), page=False)["nodes"]
        nodes = review_reboot(panel.data).excluded if panel.has_data else []
        return {_titled(node.id): node.obstacle for node in nodes}

    lines = [(_titled(id), _reboot_line(id)) for id in ids]
    return change_each(
        ChangeForm(),
        lines,
        done="reboots requested",
        to=("nodes.index", {}),
        name=name_to_type(ids, "reboot"),
        obstacles=obstacles,
    )


@bp.post("/prices")
def update_prices_of_several() -> Redirect:
    ids = _posted()
    if not ids:
        return redirect(url_for("nodes.index"), 303)
    if len(ids) == 1:
        return update_prices(ids[0])
    form = PricesForm()
    prices = _sendable(form)
    lines = [(_titled(id), SdkCall("nodes.update_prices", as_id(id), **prices)) for id in ids]
    return change_each(
        form, lines, done="nodes updated", to=("nodes.index", {}), name=name_to_type(ids, "update")
    )


def _chosen() -> list[str]:
    """The nodes of the form or the URL, each once."""
    return list(dict.fromkeys(decoded(text) for text in request.values.getlist("node") if text))


def _posted() -> list[str]:
    """The nodes of a confirmed form; a review has not more than are changed at a time."""
    ids = _chosen()
    if len(ids) > MAX_AT_ONCE:
        abort(422, f"Nothing was sent: at most {MAX_AT_ONCE} nodes can be changed at a time.")
    return ids


def _titled(id: str) -> str:
    return f"Node {single_line(id)}"


def _line_of_several(action: str, id: str, typed: Mapping[str, str]) -> SdkCall:
    if action == "reboot":
        return _reboot_line(id)
    return SdkCall("nodes.update_prices", as_id(id), **as_sent(typed))


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
        reboot=_requested_reboot(node_id, machine),
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
            "reboot": _reboot_line(node_id),
            "ident": _download_line(node_id, "ident"),
            "logs": _download_line(node_id, "logs"),
        },
        review_line=_line(node, review),
    )


def _is_missing(panel: Panel) -> bool:
    return panel.problem is not None and panel.problem.status == 404


def _requested_reboot(node_id: str, machine: Machine | None) -> RequestedReboot | None:
    """The reboot whose outcome the page shows; None for any other page."""
    result = outcome() or {}
    asked = (result.get("facts") or {}).get(_REBOOT)
    lost = bool((result.get("problem") or {}).get("outcome_unknown"))
    if not asked or asked["node"] != node_id or not (result["ok"] or lost):
        return None
    seconds = max(0.0, time.time() - asked["at"])
    is_back = machine is not None and has_rebooted(
        machine.state, machine.node.uptime, asked["uptime"], seconds
    )
    return RequestedReboot(seconds, is_back)


@bp.post("/<id:node_id>/prices")
def update_prices(node_id: str) -> Redirect:
    form = PricesForm()
    prices = _sendable(form)
    line = SdkCall("nodes.update_prices", as_id(node_id), **prices)
    done = f"Prices of node {single_line(node_id)} updated."
    return change(form, line, done=done, to=(_SHOW, {"node_id": node_id}), name=node_id)


def _sendable(form: PricesForm) -> dict[str, int | float]:
    """The prices of a confirmed form."""
    try:
        return as_sent(form.values())
    except PriceError:
        # Not sent by our form. Without a price, the SDK refuses before anything is sent.
        return {}


@bp.post("/<id:node_id>/reboot")
def reboot(node_id: str) -> Redirect:
    """Reboot a node that is not offline. A node whose state cannot be read is left to the API."""
    call = SdkCall("nodes.find", as_id(node_id))

    def check(facts: dict[str, Any]) -> str:
        panel = load(PanelRequest("node", "Machine", call, shape=read_machine), page=False)["node"]
        if panel.problem is not None and panel.problem.status == 404:
            return f"Nothing was sent: this account has no node {single_line(node_id)}."
        machine: Machine | None = panel.data
        obstacle = reboot_obstacle(machine.state) if machine else ""
        if obstacle:
            return f"Nothing was sent. {obstacle}"
        facts[_REBOOT] = {
            "node": node_id, "at": time.time(), "uptime": machine.node.uptime if machine else None,
        }  # fmt: skip
        return ""

    return change(
        ChangeForm(),
        _reboot_line(node_id),
        done=f"Reboot of node {single_line(node_id)} requested.",
        to=(_SHOW, {"node_id": node_id}),
        name=node_id,
        check=check,
    )


@bp.get("/<id:node_id>/log")
def log(node_id: str) -> str:
    """The beginning and the end of the log, with search."""
    line = _download_line(node_id, "logs")
    at, began = time.time(), time.monotonic()
    file = fetch_file(line, _fetch(node_id, "logs"), seconds=max(_LOG_SECONDS, current_browser().budget))
    panel = Panel(PanelRequest("log", "Log", line), at=at, calls=file.calls, log_id=file.log_id)
    if file.content is not None:
        with file.content as content:
            panel.data = read_log_file(content)
        panel.state = "ok" if panel.data.size else "empty"
    else:
        panel.state, panel.problem = "error", file.problem
    panel.elapsed = time.monotonic() - began
    found: LogFile = panel.data or LogFile(0, ".log")
    return render_template(
        "nodes/log.html",
        log=panel,
        id=node_id,
        found=search_log(request.args, found.start, found.end),
        shown_bytes=SHOWN_BYTES,
    )


@bp.post("/<id:node_id>/ident")
@uses_download_slot
def download_ident(node_id: str) -> Response | Redirect:
    return _download(node_id, "ident", _file_name(node_id, "ident"))


@bp.post("/<id:node_id>/logs")
@uses_download_slot
def download_logs(node_id: str) -> Response | Redirect:
    return _download(node_id, "logs", lambda content: _file_name(node_id, "logs", suffix_of(content)))


def _download(node_id: str, kind: str, name: str | Callable[[IO[bytes]], str]) -> Response | Redirect:
    line = _download_line(node_id, kind)
    return send_file(line, _fetch(node_id, kind), name=name, to=(_SHOW, {"node_id": node_id}))


def _fetch(node_id: str, kind: str) -> Fetch:
    def fetch(
        client: Client, to: IO[bytes], on_progress: Callable[[int, int | None], None]
    ) -> octaspace.Response[Any]:
        method = client.nodes.download_ident if kind == "ident" else client.nodes.download_logs
        return method(as_id(node_id), to=to, on_progress=on_progress)

    return fetch


def read_machine(data: Any) -> Machine:
    """The answer of ``GET /nodes/:id``."""
    node = Node.from_api(data)
    system = node.system or System()
    reliability = node.reliability or Reliability()
    return Machine(
        node,
        system,
        system.disk or Disk(),
        system.memory or Memory(),
        node.location or Location(),
        reliability,
        reliability.rating or Rating(),
    )


def entry_of(data: Any, node_id: str) -> Any:
    """A node's entry in ``GET /nodes``, which has the prices; None if it is missing."""
    return next(
        (item for item in listed(data, "Node") if isinstance(item, dict) and str(item.get("id")) == node_id),
        None,
    )


def _reboot_line(node_id: str) -> SdkCall:
    return SdkCall("nodes.reboot", as_id(node_id))


def _download_line(node_id: str, kind: str) -> SdkCall:
    return SdkCall(f"nodes.download_{kind}", as_id(node_id), to=_file_name(node_id, kind))


def _file_name(node_id: str, kind: str, suffix: str = "") -> str:
    """File name of a download. The name that the API gives is not used."""
    stem = f"node-{re.sub('[^0-9A-Za-z_-]', '_', node_id)[:60]}"
    if kind == "logs" and suffix in ("", ".log"):
        return f"{stem}.log"
    return f"{stem}-{kind}{suffix or '.bin'}"


def _reviewed(
    prices: Mapping[str, Asked], typed: Mapping[str, str], errors: Mapping[str, str]
) -> list[PriceChange]:
    """The changes to confirm; none if there is no input, or if a part of it is invalid."""
    return [] if errors else changes(prices, typed)


def _line(node: int | str, review: list[PriceChange]) -> SdkCall | None:
    """The call that the confirmed form makes."""
    prices = as_sent({each.new.price.name: each.new.figure for each in review if not each.is_none})
    return SdkCall("nodes.update_prices", node, **prices) if prices else None
