"""New prices and reboots of several nodes: one review, one form, a result for each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from ...domain.node_state import severity_of
from ...sdk.call import SdkCall
from ...sdk.json_access import as_id, single_line
from ...web.changes import change_each
from ...web.form_actions import ChangeForm
from ...web.panels import PanelRequest, load
from ...web.url_ids import decoded, review_url
from .blueprint import bp
from .node_changes import PricesForm, reboot, reboot_line, sendable_prices, update_prices
from .prices import PRICES, as_sent, current, read_typed
from .several import (
    MAX_AT_ONCE,
    ChosenNode,
    Review,
    name_to_type,
    read_chosen,
    review_prices,
    review_reboot,
)

#: Characters in the URL of a review for the new prices.
_PRICES_ROOM: Final = 500


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
        return redirect(url_for("nodes.review_reboots"), 303)
    if len(ids) == 1:
        return reboot(ids[0])

    def obstacles() -> dict[str, str]:
        """Nodes that went offline after the review. Nodes whose state cannot be read are left to the API."""
        line = SdkCall("nodes.list")
        read = read_chosen(ids)
        panel = load(PanelRequest("nodes", "Nodes", line, shape=read), page=False)["nodes"]
        nodes = review_reboot(panel.data).excluded if panel.has_data else []
        return {_titled(node.id): node.obstacle for node in nodes}

    lines = [(_titled(id), reboot_line(id)) for id in ids]
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
        return redirect(url_for("nodes.review_prices_of_several"), 303)
    if len(ids) == 1:
        return update_prices(ids[0])
    form = PricesForm()
    prices = sendable_prices(form)
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
        return reboot_line(id)
    return SdkCall("nodes.update_prices", as_id(id), **as_sent(typed))
