"""The pages: a package each, with a blueprint `bp` in its module `views`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from flask import Flask

__all__ = ["init_app"]


def init_app(app: Flask) -> None:
    """Register the blueprint of every page."""
    for page in pkgutil.iter_modules(__path__):
        app.register_blueprint(import_module(f"{__name__}.{page.name}.views").bp)
