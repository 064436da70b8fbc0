"""settings"""

from flask import Blueprint, render_template

bp = Blueprint("settings", __name__, url_prefix="/playground/settings")


@bp.get("")
def index() -> str:
    return render_template("pages/failure.html", title="settings", text="", code=200)
