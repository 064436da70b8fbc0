"""dashboard"""

from flask import Blueprint, render_template

bp = Blueprint("dashboard", __name__, url_prefix="/playground/dashboard")


@bp.get("")
def index() -> str:
    return render_template("pages/failure.html", title="dashboard", text="", code=200)
