"""The whole network: chain, market price, nodes, power, and what GPUs cost. Works without a key."""

from __future__ import annotations

from flask import Blueprint, render_template

from ...web.network_panel import network_panel
from ...web.panels import load

bp = Blueprint("network", __name__, url_prefix="/playground/network")


@bp.get("")
def index() -> str:
    return render_template("network/index.html", **load(network_panel(cached=True)))
