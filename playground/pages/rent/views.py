"""The rent form, its confirmation page, and the single request that makes the rental.

Every POST ends in a redirect, so Back and reload do not repeat a POST.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Page

from octaspace import Request, Response
from octaspace.types import App, Network

from ...browser.copied_lines import copied_curl
from ...browser.state import current_browser
from ...browser.store_problems import unless_store_fails
from ...domain.offers import SERVICES, Service, ShownOffer, read_offers
from ...formatting import duration
from ...sdk.call import SdkCall
from ...sdk.identified_ledger import with_rental_id
from ...sdk.json_access import get_path, listed
from ...web.balance import read_balance
from ...web.changes import change
from ...web.form_actions import ChangeForm, Target, result_of
from ...web.panels import Panel, PanelRequest, load
from ...web.url_ids import decoded, encoded
from .app_fill import FILLED, AppValues, app_values, default_values, differences, fill, take
from .drafts import RentalDrafts
from .estimate import Estimate, estimate
from .fields import FIELDS, defaults
from .parsing import Order, read_order, typed_values
from .review import request_json, sent_values

__all__ = ["bp", "find_app"]

#: The outcome of an order whose draft is gone: it has expired, or newer ones have replaced it.
_NO_DRAFT: Final = "Nothing was sent: the values of this order are not kept any more. Fill in the form again."

bp = Blueprint("rent", __name__, url_prefix="/playground/services/<any(mr, vpn, render):service>/rent")


@bp.get("")
def form(service: Service) -> str:
    """The form, prefilled from the query: a node, an app, or a draft.

    With `fill` the values of the draft's application are filled in; with `take` one of them replaces what
    was typed. Both read the draft and change nothing, so the page can be reloaded.
    """
    kept = RentalDrafts(current_browser()).find(service, request.args.get("order"))
    base = defaults(service, current_browser().default_hours)
    typed = {**base, FILLED: "", **(kept or {}), **_from_address(service)}
    chosen = typed.get("app", "") if kept else request.args.get("app", "") if service == "mr" else ""
    panels = _load(service, typed)
    values = _catalogue(panels, base) if service == "mr" else {}
    app = _app(panels, chosen)
    if app is not None:
        chosen = encoded(app.uuid)
    filling = "fill" in request.args or (kept is None and bool(chosen))
    if service == "mr":
        typed["app"] = chosen
    if filling and chosen in values:
        old = values.get(typed[FILLED], values[""])
        typed = fill(typed, old, values[chosen], values[""])
    if filling:
        typed[FILLED] = chosen
    if request.args.get("take") and chosen in values:
        typed = take(typed, request.args["take"], values[chosen])
    filled_in = bool(chosen) and typed[FILLED] == chosen and chosen in values
    return render_template(
        "rent/form.html",
        offer=panels.get("offer"),
        apps=panels.get("apps"),
        service=service,
        services=SERVICES,
        fields=FIELDS[service],
        typed=typed,
        errors=read_order(service, typed).errors if "check" in request.args else {},
        values={id: each.as_json() for id, each in values.items()},
        app=values.get(chosen) if chosen else None,
        app_missing=bool(chosen) and chosen not in values,
        apart=differences(typed, values[chosen]) if filled_in else {},
        filled="fill" in request.args and chosen in values,
        order=request.args.get("order") if kept else None,
    )


@bp.post("")
def order(service: Service) -> Page:
    """Save a draft, and redirect to the confirmation, or back to the form with errors or an app's values."""
    typed = typed_values(service, request.form)
    id = RentalDrafts(current_browser()).save(service, typed)
    step, _, name = request.form.get("step", "").partition(":")
    if step == "take":
        return redirect(url_for("rent.form", service=service, order=id, take=name[:40]), 303)
    # Without a script, an application may have been chosen whose values the form does not have yet.
    if step == "fill" or typed.get("app", "") != typed.get(FILLED, ""):
        return redirect(url_for("rent.form", service=service, order=id, fill=1), 303)
    if read_order(service, typed).request is None:
        return redirect(url_for("rent.form", service=service, order=id, check=1), 303)
    return redirect(url_for("rent.confirm", service=service, order=id), 303)


@bp.get("/<order>")
def confirm(service: Service, order: str) -> str | Page:
    """Ask for confirmation with target and cost. For an order that was sent, show its result instead."""
    sent = result_of(order)
    if sent is not None and sent.get("pending"):
        return redirect(url_for("outcome.show", token=order))
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
    line, name, problem, stop_after = SdkCall(f"services.{service}.create"), "", _NO_DRAFT, None
    if result_of(order) is None:  # otherwise it was carried out, or may have been
        read = read_order(service, orders.find(service, order) or {})
        if read.request is None:
            back = ("rent.form", {"service": service})
        else:
            line, name, problem, stop_after = read.line, str(read.node_id), "", read.max_duration
    answer = change(
        form, line, done=_rented(stop_after), to=back, name=name,
        then=_to_session, rental_id=_rental_id(order), check=lambda facts: problem,
    )  # fmt: skip
    if not answer.headers["Location"].startswith(url_for("rent.form", service=service)):
        # Without it, the answer still leads to the session.
        unless_store_fails("the end of the draft", None, lambda: orders.drop(order))
    return answer


def _rented(stop_after: float | None) -> str:
    limit = "" if stop_after is None else f", at the latest {duration(stop_after)} after its start"
    return f"Rented. It is charged until it is stopped{limit}."


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


def _catalogue(panels: Mapping[str, Panel], base: Mapping[str, str]) -> dict[str, AppValues]:
    """What each application provides, by its id as the form has it; ``""`` for none."""
    panel = panels["apps"]
    apps = panel.data if panel.has_data else ()
    return {"": default_values(base), **{encoded(app.uuid): app_values(app) for app in apps}}


def _rental_id(order: str) -> str:
    """The id of the ledger's entry of an order: it is known before, and belongs to one order."""
    return sha256(order.encode()).hexdigest()[:32]


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
    app = _app(panels, order.typed.get("app", ""))
    sent = with_rental_id(asked, _rental_id(id)) if service == "mr" else asked
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
        app=app,
        values=sent_values(order, sent, differences(order.typed, app_values(app)) if app else {}),
        path=sent.path,
        body=request_json(sent),
        warnings=_warnings(order, offer, app, loaded=panels["offer"].state != "error")
        + _balance_warning(cost, panels["balance"].data)
        + _deadline_warning(order),
        # A rental by app reads the catalogue first: no single command makes it.
        curl=None if asked.is_read else copied_curl(
            asked.method, current_browser().config.endpoints[0], asked.path,
            params=asked.params, body=asked.body, public=asked.public, expects=asked.expects,
        ),
    )  # fmt: skip


def _warnings(order: Order, offer: ShownOffer | None, app: App | None, *, loaded: bool) -> list[str]:
    """Warnings. They do not prevent the rental: the API decides."""
    found = []
    if not loaded:
        found.append("The offers could not be loaded, so price and availability of this node are unknown.")
    elif offer is None:
        found.append(
            "This node is not among the offers at the moment. "
            "Its price is unknown, and the API may reject the rental."
        )
    disk = order.arguments.get("disk_size")
    if offer is not None:
        free = getattr(offer.offer, "free_disk", None)
        if disk is not None and free is not None and disk * 10**9 > free:
            found.append(f"{disk} GB are more than the {free / 10**9:.0f} GB that are free on this node.")
    if app is not None:
        vram = getattr(offer.offer, "vram_gb", None) if offer is not None else None
        if offer is not None and app.min_vram_gb and (vram is None or vram < app.min_vram_gb):
            found.append(
                f"The application requires {app.min_vram_gb:g} GB of VRAM; "
                f"this node has {vram or 0:g} GB per GPU."
            )
        if app.min_disk_size and disk is not None and disk < app.min_disk_size:
            found.append(f"The application requires {app.min_disk_size} GB of disk; the order has {disk} GB.")
    return found


def _balance_warning(cost: Estimate | None, wei: int | None) -> list[str]:
    left = None if cost is None else cost.hours_left(wei)
    return ["The balance covers less than one hour of this rental."] if left is not None and left < 1 else []


def _total(cost: Estimate | None, seconds: float | None) -> Decimal | None:
    """What a rental costs until its deadline, in US dollars; None if that is not known."""
    if cost is None or cost.usd is None or cost.unit != "hour" or seconds is None:
        return None
    return cost.usd * Decimal(str(seconds)) / 3600


def _deadline_warning(order: Order) -> list[str]:
    if order.max_duration is not None or current_browser().api_target.is_sandbox:
        return []
    return ["It has no deadline: it is charged until it is stopped by hand."]


def _to_session(response: Response[Any]) -> Target:
    """The page of the new session; the list of sessions if the answer has no id."""
    data = response.data[0] if isinstance(response.data, list) and response.data else response.data
    uuid = data.get("uuid") if isinstance(data, dict) else None
    if isinstance(uuid, str) and uuid and "sessions.show" in current_app.view_functions:
        return "sessions.show", {"uuid": uuid}
    return "sessions.index", {}
