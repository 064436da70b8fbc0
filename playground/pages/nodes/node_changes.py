"""Changes of one node: new prices, and a reboot."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response as Redirect
from wtforms import StringField

from ...domain.node_state import reboot_obstacle
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id, single_line
from ...web.changes import change
from ...web.form_actions import ChangeForm
from ...web.panels import PanelRequest, load
from .blueprint import bp
from .machine import Machine, read_machine
from .prices import PRICES, PriceError, as_sent
from .reboot import reboot_facts

__all__ = ["PricesForm", "reboot", "reboot_line", "sendable_prices", "update_prices"]


class PricesForm(ChangeForm):
    """New prices, in the figures of the API."""

    base = StringField()
    storage = StringField()
    traffic = StringField()
    gpu_hour = StringField()
    cpu_hour = StringField()

    def values(self) -> dict[str, str | None]:
        return {price.name: self[price.name].data for price in PRICES}


@bp.post("/<id:node_id>/prices")
def update_prices(node_id: str) -> Redirect:
    form = PricesForm()
    prices = sendable_prices(form)
    line = SdkCall("nodes.update_prices", as_id(node_id), **prices)
    done = f"Prices of node {single_line(node_id)} updated."
    return change(form, line, done=done, to=("nodes.show", {"node_id": node_id}), name=node_id)


def sendable_prices(form: PricesForm) -> dict[str, int | float]:
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
        facts.update(reboot_facts(node_id, machine))
        return ""

    return change(
        ChangeForm(),
        reboot_line(node_id),
        done=f"Reboot of node {single_line(node_id)} requested.",
        to=("nodes.show", {"node_id": node_id}),
        name=node_id,
        check=check,
    )


def reboot_line(node_id: str) -> SdkCall:
    return SdkCall("nodes.reboot", as_id(node_id))
