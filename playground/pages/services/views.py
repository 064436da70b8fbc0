"""What can be rented: machines, VPN relays, render nodes; filtered, drawn, compared; and the way to rent."""

from __future__ import annotations

import re
from typing import cast

from flask import Blueprint, render_template, request

from ...domain.offers import SERVICES, Service, ShownOffer, axes_of, read_offers, scatter, summary
from ...sdk.call import SdkCall
from ...web.panels import PanelRequest, load
from ...web.url_ids import links
from ..rent import views as rent
from .comparison import MAX, compare
from .filters import SORTS, read_filters
from .table import offer_cells

bp = Blueprint("services", __name__, url_prefix="/playground/services")


@bp.get("")
def index() -> str:
    tab = cast(Service, request.args.get("tab") if request.args.get("tab") in SERVICES else "mr")
    filters = read_filters(tab, request.args)
    line = SdkCall(f"services.{tab}.search", **filters.arguments)
    asks = [
        PanelRequest(
            "offers", SERVICES[tab], line, shape=lambda found: tuple(map(ShownOffer, found)), cached=True
        )
    ]
    wanted = request.args.get("app", "") if tab == "mr" else ""
    if wanted:
        asks.append(
            PanelRequest("app", "App", SdkCall("apps.list"), shape=rent.find_app(wanted), cached=True)
        )
    panels = load(*asks)
    offers = panels["offers"]
    # Without a filter the search has read them all.
    every: tuple[ShownOffer, ...] = ()
    if offers.has_data:
        every = read_offers(tab, offers.answer) if filters.narrow else offers.data
    chosen = _chosen()
    compared = [offer for offer in every if offer.node_id in chosen[:MAX]]
    axes = axes_of(tab)
    against = request.args.get("against", "")
    against = against if against in axes else next(iter(axes))
    shown = offers.data if offers.has_data else ()
    return render_template(
        "services/index.html",
        offers=offers,
        cells=offer_cells(
            shown,
            links(
                "rent.form",
                "node_id",
                service=tab,
                app=wanted or None,
                order=request.args.getlist("order") or None,
            ),
            {offer.node_id for offer in compared},
        ),
        app=panels.get("app"),
        wanted=wanted,
        tab=tab,
        services=SERVICES,
        filters=filters,
        sorts=SORTS[tab],
        countries=sorted({offer.offer.country for offer in every if offer.offer.country}),
        models=_models(every),
        total=len(every),
        prices=summary(shown),
        axes=axes,
        against=against,
        picture=scatter(shown, axes[against], against, "GB" if tab == "vpn" else "hour"),
        per="GB" if tab == "vpn" else "hour",
        compared=compared,
        comparison=compare(compared),
        too_many=len(chosen) - MAX,
        kept=_kept(),
    )


#: What a link or form of the page keeps of its address.
_KEPT = (
    "tab", "gpu", "min_vram_gb", "country", "max_price_usd", "min_reliability", "residential", "sort",
    "against", "app", "order", "compare",
)  # fmt: skip


def _kept() -> dict[str, list[str]]:
    return {name: request.args.getlist(name) for name in _KEPT if request.args.get(name)}


def _chosen() -> list[int]:
    """Nodes to compare, each once, in the order of the address."""
    found = [int(text) for text in request.args.getlist("compare") if re.fullmatch("[0-9]{1,18}", text)]
    return list(dict.fromkeys(found))


def _models(offers: tuple[ShownOffer, ...]) -> list[str]:
    models = {model for offer in offers for model in getattr(offer.offer, "gpu_models", ())}
    return sorted(models)
