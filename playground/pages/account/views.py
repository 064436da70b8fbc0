"""The account of the key: profile, balance, and a new wallet."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template
from werkzeug.wrappers import Response as Redirect

from octaspace import Response, wei_to_octa

from ...domain.account import initials, read_account
from ...sdk.call import SdkCall
from ...sdk.json_access import get_path, single_line
from ...web.balance import read_balance
from ...web.changes import change
from ...web.form_actions import ChangeForm
from ...web.network_panel import network_panel
from ...web.panels import PanelRequest, load

bp = Blueprint("account", __name__, url_prefix="/playground/account")

#: Text to type in live mode to confirm a new wallet, which has no name yet.
WALLET: Final = "new wallet"


@bp.get("")
def index() -> str:
    panels = load(
        PanelRequest("profile", "Profile", SdkCall("accounts.profile"), shape=read_account),
        PanelRequest(
            "balance", "Balance", SdkCall("accounts.balance"), shape=read_balance, needs=("network",)
        ),
        network_panel(),
    )
    network, balance, profile = panels["network"], panels["balance"], panels["profile"]
    return render_template(
        "account/index.html",
        **panels,
        exact=wei_to_octa(balance.data) if balance.has_data else None,
        market_price=network.data.figures["market_price"] if network.has_data else None,
        initials=initials(profile.data.email) if profile.has_data else "?",
        wallet_name=WALLET,
    )


@bp.post("/wallet")
def generate_wallet() -> Redirect:
    line = SdkCall("accounts.generate_wallet")
    return change(ChangeForm(), line, done=_made, to=("account.index", {}), name=WALLET)


def _made(response: Response[Any]) -> str:
    address = single_line(get_path(response.data, "address"), 120)
    return f"New wallet created: {address}." if address else "New wallet created."
