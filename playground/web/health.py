"""Health checks for load balancers: whether the process answers, and whether it can be used."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask, Response, current_app

from ..app_state import AppState
from .readiness import Readiness

__all__ = ["READINESS", "init_app"]

#: Name in `app.extensions`.
READINESS: Final = "playground.readiness"

bp = Blueprint("health", __name__)


def init_app(app: Flask, state: AppState) -> None:
    """Register the health checks."""
    app.extensions[READINESS] = Readiness(
        {"store": state.database.check, "rental ledger": state.rental_ledger.backend.check_writable}
    )
    app.register_blueprint(bp)


@bp.get("/healthz")
def ok() -> Response:
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def ready() -> Response:
    """One line for each problem, without details: the answer needs no login."""
    readiness: Readiness = current_app.extensions[READINESS]
    problems = readiness.problems()
    if problems:
        return Response("".join(f"{line}\n" for line in problems), 503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
