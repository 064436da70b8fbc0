"""The rent form, its confirmation page, and the single request that makes the rental.

Every POST ends in a redirect, so Back and reload do not repeat a POST.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Page

from octaspace import Request, Response
from octaspace.types import App, Network

from ...browser.copied_lines import copied_curl
from ...browser.state import current_browser
from ...domain.offers import SERVICES, Service, ShownOffer, read_offers
from ...sdk.call import SdkCall
from ...sdk.json_access import get_path, listed
from ...web.balance import read_balance
from ...web.form_actions import ChangeForm, Target, change, result_of
from ...web.panels import Panel, PanelRequest, load
from ...web.url_ids import decoded
from .drafts import RentalDrafts
from .estimate import Estimate, estimate
from .fields import FIELDS, defaults
from .parsing import Order, app_values, read_order, typed_values

__all__ = ["bp", "find_app"]

bp = Blueprint("rent", __name__, url_prefix="/playground/services/<any(mr, vpn, render):service>/rent")


@bp.get("")
def form(service: Service) -> str:
    """The form, prefilled from the query: a node, an app, or a draft."""
    kept = RentalDrafts(current_browser()).find(service, request.args.get("order"))
    typed = {**defaults(service, current_browser().default_hours), **(kept or {}), **_from_address(service)}
    panels = _load(service, typed)
    wanted = typed.get("app", "") if "fill" in request.args else "" if kept else request.args.get("app", "")
    app = _app(panels, wanted) if wanted else None
    if app is not None:
        typed = {**typed, **app_values(app)}
    return render_template(
        "rent/form.html",
        offer=panels.get("offer"),
        apps=panels.get("apps"),
        service=service,
        services=SERVICES,
        fields=FIELDS[service],
        typed=typed,
        errors=read_order(service, typed).errors if "check" in request.args else {},
        app=_app(panels, typed.get("app", "")),
        order=request.args.get("order") if kept else None,
    )


@bp.post("")
def order(service: Service) -> Page:
    """Save a draft, and redirect to the confirmation, or back to the form with errors or an app's values."""
    typed = typed_values(service, request.form)
    id = RentalDrafts(current_browser()).save(service, typed)
    if request.form.get("step") == "fill":
        return redirect(url_for("rent.form", service=service, order=id, fill=1), 303)
    if read_order(service, typed).request is None:
        return redirect(url_for("rent.form", service=service, order=id, check=1), 303)
    return redirect(url_for("rent.confirm", service=service, order=id), 303)


@bp.get("/<order>")
def confirm(service: Service, order: str) -> str | Page:
    """Ask for confirmation with target and cost. For an order that was sent, show its result instead."""
    sent = result_of(order)
    if sent is not None:
        return render_template("rent/sent.html", sent=sent, order=order, service=service)
    typed = RentalDrafts(current_browser()).find(service, order)
    read = read_order(service, typed or {})
    if read.request is None:
        return redirect(url_for("rent.form", service=service))
    return _question(read, read.request, order)


@bp.post("/<order>")
def create(service: Service, order: str) -> Page:
    """Send the one request of a draft, and redirect to the session, or to the form with the reason."""
    orders = RentalDrafts(current_browser())
    back: Target = ("rent.form", {"service": service, "order": order})
    form = ChangeForm()
    form.once.data = order
    if result_of(order) is None:
        read = read_order(service, orders.find(service, order) or {})
        if read.request is None:
            return redirect(url_for("rent.form", service=service), 303)
        line, name = read.line, str(read.node_id)
    else:
        line, name = SdkCall(f"services.{service}.create"), ""  # not sent: the token of the draft was used
    answer = change(
        form, line, done="It is rented, and costs money until it is stopped.", to=back, name=name,
        then=_to_session,
    )  # fmt: skip
    if not answer.headers["Location"].startswith(url_for("rent.form", service=service)):
        orders.drop(order)
    return answer


def find_app(text: str) -> Callable[[Any], App | None]:
    """Return a function that finds the app with this id, encoded or not, in an answer of ``GET /apps``."""
    return lambda data: next((app for app in _apps(data) if app.uuid in (text, decoded(text))), None)


def _from_address(service: Service) -> dict[str, str]:
    names = {field.name for field in FIELDS[service] if field.kind not in ("variables", "app")}
    return {name: text[:200] for name, text in request.args.items() if name in names}


def _load(service: Service, typed: Mapping[str, str]) -> dict[str, Panel]:
    """Load the chosen offer and the catalogue at the same time."""
    asks = []
    node = typed.get("node_id", "").strip()
    if node:
        asks.append(_offer_ask(service, node))
    if service == "mr":
        asks.append(PanelRequest("apps", "Apps", SdkCall("apps.list"), shape=_apps))
    return load(*asks)


def _offer_ask(service: Service, node: str) -> PanelRequest:
    def find(data: Any) -> ShownOffer | None:
        return next((offer for offer in read_offers(service, data) if str(offer.node_id) == node), None)

    return PanelRequest("offer", f"Node {node[:20]}", SdkCall(f"services.{service}.list"), shape=find)


def _apps(data: Any) -> list[App]:
    return [
        App.from_api(entry)
        for entry in listed(data, "App")
        if isinstance(entry, Mapping) and isinstance(entry.get("uuid"), str)
    ]


def _app(panels: Mapping[str, Panel], text: str) -> App | None:
    panel = panels.get("apps")
    if panel is None or not panel.has_data:
        return None
    return next((app for app in panel.data if app.uuid in (text, decoded(text))), None)


def _question(order: Order, asked: Request, id: str) -> str:
    service = order.service
    asks = [
        _offer_ask(service, str(order.node_id)),
        PanelRequest("network", "Network", SdkCall("network.info"), shape=Network.from_api),
        PanelRequest(
            "balance", "Balance", SdkCall("accounts.balance"), shape=read_balance, empty=lambda wei: False
        ),
    ]
    if order.arguments.get("app"):
        asks.append(PanelRequest("apps", "Apps", SdkCall("apps.list"), shape=_apps))
    panels = load(*asks)
    offer: ShownOffer | None = panels["offer"].data
    market_price = get_path(panels["network"].answer, "market_price")
    cost = estimate(offer.offer, market_price) if offer is not None else None
    return render_template(
        "rent/confirm.html",
        **panels,
        service=service,
        services=SERVICES,
        order=order,
        id=id,
        stop_at=None if order.max_duration is None else time.time() + order.max_duration,
        total=_total(cost, order.max_duration),
        shown=offer,
        cost=cost,
        market_price=market_price,
        wei=panels["balance"].data,
        warnings=_warnings(order, offer, _app(panels, order.typed.get("app", "")))
        + _balance_warning(cost, panels["balance"].data)
        + _deadline_warning(order),
        # A rental by app reads the catalogue first: no single command makes it.
        curl=None if asked.is_read else copied_curl(
            asked.method, current_browser().config.endpoints[0], asked.path,
            params=asked.params, body=asked.body, public=asked.public, expects=asked.expects,
        ),
    )  # fmt: skip


def _warnings(order: Order, offer: ShownOffer | None, app: App | None) -> list[str]:
    """Warnings. They do not prevent the rental: the API decides."""
    found = []
    if offer is None:
        return [
            "This node is not among the offers at the moment: what it costs is not known, "
            "and the API may refuse it."
        ]
    disk = order.arguments.get("disk_size")
    free = getattr(offer.offer, "free_disk", None)
    if disk is not None and free is not None and disk * 10**9 > free:
        found.append(f"{disk} GB are more than the {free / 10**9:.0f} GB that are free on this node.")
    if app is not None:
        vram = getattr(offer.offer, "vram_gb", None)
        if app.min_vram_gb and (vram is None or vram < app.min_vram_gb):
            found.append(
                f"The app needs {app.min_vram_gb:g} GB of VRAM; this node has {vram or 0:g} GB a card."
            )
        if app.min_disk_size and disk is not None and disk < app.min_disk_size:
            found.append(f"The app needs {app.min_disk_size} GB of disk; {disk} GB are ordered.")
    return found


def _balance_warning(cost: Estimate | None, wei: int | None) -> list[str]:
    left = None if cost is None else cost.hours_left(wei)
    return ["The balance is less than this costs in an hour."] if left is not None and left < 1 else []


def _total(cost: Estimate | None, seconds: float | None) -> Decimal | None:
    """What a rental costs until its deadline, in US dollars; None if that is not known."""
    if cost is None or cost.usd is None or cost.unit != "hour" or seconds is None:
        return None
    return cost.usd * Decimal(str(seconds)) / 3600


def _deadline_warning(order: Order) -> list[str]:
    if order.max_duration is not None or current_browser().api_target.is_sandbox:
        return []
    return ["It has no deadline: it costs money until it is stopped by hand."]


def _to_session(response: Response[Any]) -> Target:
    """The page of the new session; the list of sessions if the answer has no id."""
    data = response.data[0] if isinstance(response.data, list) and response.data else response.data
    uuid = data.get("uuid") if isinstance(data, dict) else None
    if isinstance(uuid, str) and uuid and "sessions.show" in current_app.view_functions:
        return "sessions.show", {"uuid": uuid}
    return "sessions.index", {}
