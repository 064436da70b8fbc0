"""The blueprint of the nodes, for the modules with its routes."""

from __future__ import annotations

from flask import Blueprint

__all__ = ["bp"]

bp = Blueprint("nodes", __name__, url_prefix="/playground/nodes")
