"""The account of the key: who it is, what it has, and a new wallet for it."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template
from werkzeug.wrappers import Response as Redirect

from octaspace import Response, wei_to_octa
from octaspace.types import Account

from ..balance import read_balance
from ..changes import ChangeForm, change
from ..lines import Line
from ..panels import Ask, load
from ..reading import dig, words
from .network import network_ask

bp = Blueprint("account", __name__, url_prefix="/playground/account")

#: What is typed in live mode to confirm a new wallet, which has no name yet.
WALLET: Final = "new wallet"


@bp.get("")
def index() -> str:
    panels = load(
        Ask("profile", "Profile", Line("accounts.profile"), shape=read_account),
        Ask("balance", "Balance", Line("accounts.balance"), shape=read_balance, needs=("network",)),
        network_ask(),
    )
    network, balance, profile = panels["network"], panels["balance"], panels["profile"]
    return render_template(
        "pages/account.html",
        **panels,
        exact=wei_to_octa(balance.data) if balance.has_data else None,
        market_price=network.data.figures["market_price"] if network.has_data else None,
        initials=initials(profile.data.email) if profile.has_data else "?",
        wallet_name=WALLET,
    )


@bp.post("/wallet")
def generate_wallet() -> Redirect:
    line = Line("accounts.generate_wallet")
    return change(ChangeForm(), line, done=_made, to=("account.index", {}), name=WALLET)


def _made(response: Response[Any]) -> str:
    address = words(dig(response.data, "address"), 120)
    return f"A new wallet was made: {address}." if address else "A new wallet was made."


def read_account(data: Any) -> Account:
    """The answer of ``GET /accounts``; what it lacks is None, the id an empty text."""
    return Account.from_api({"account_uuid": "", **data} if isinstance(data, dict) else data)


def initials(email: str | None) -> str:
    """Two letters that stand for a person, whose picture is never loaded: ``ue`` for ``user@example.com``."""
    name, _, host = words(email).partition("@")
    letters = [part[0] for part in (name, host) if part and part[0].isalnum()]
    return "".join(letters).upper() or "?"
