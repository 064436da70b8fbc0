"""The page that waits for the outcome of a form, and leads to the page that shows it."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template
from werkzeug.wrappers import Response as Page

from ...web.form_actions import address_of, result_of

bp = Blueprint("outcome", __name__, url_prefix="/playground/outcome")


@bp.get("/<token>")
def show(token: str) -> str | Page:
    """Redirect to the outcome; while it is not known, show a page whose script asks again."""
    result = result_of(token)
    if result is None or not (result.get("pending") or "endpoint" in result):
        abort(404, "This browser has sent no such form, or its outcome has expired.")
    if not result.get("pending"):
        return redirect(address_of(result, token), 303)
    return render_template("outcome/pending.html", outcome=result, token=token)
