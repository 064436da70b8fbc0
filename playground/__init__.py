"""The playground: a web app to see and try everything the SDK does.

Importing this package imports none of its modules: they load Flask and the SDK only when an app is created.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the web app, for `gunicorn 'playground:create_app()'`.

    Args:
        config: Configuration of Flask and of the app; it takes precedence over the environment. See
            `playground.settings`.

    Raises:
        playground.settings.StartError: A variable is invalid, or is missing for an address that others can
            reach; or the state folder cannot be used.
    """
    from .app import build

    return build(config or {})
