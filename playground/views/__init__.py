"""The pages: one module each, with a blueprint `bp` below /playground."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from flask import Flask

__all__ = ["init_app"]


def init_app(app: Flask) -> None:
    """Register every page of this package."""
    for module in pkgutil.iter_modules(__path__):
        app.register_blueprint(import_module(f"{__name__}.{module.name}").bp)
