"""Health check for load balancers: whether the process answers."""

from __future__ import annotations

from flask import Blueprint, Response

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def ok() -> Response:
    return Response("ok\n", mimetype="text/plain")
