"""diagnostics"""

from flask import Blueprint, render_template

bp = Blueprint("diagnostics", __name__, url_prefix="/playground/diagnostics")


@bp.get("")
def index() -> str:
    return render_template("pages/failure.html", title="diagnostics", text="", code=200)
