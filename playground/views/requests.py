"""requests"""

from flask import Blueprint, render_template

bp = Blueprint("requests", __name__, url_prefix="/playground/requests")


@bp.get("")
def index() -> str:
    return render_template("pages/failure.html", title="requests", text="", code=200)


@bp.get("/<int:number>")
def show(number: int) -> str:
    return ""
