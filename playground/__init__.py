"""The playground: a web app in which a person sees and tries everything the SDK does.

Importing this package imports nothing of it: the sandbox below is the other end of the wire and must
not bring Flask or the SDK with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the web app, for `gunicorn 'playground:create_app()'`.

    Args:
        config: Flask's and our configuration over that of the environment; see `playground.settings`.

    Raises:
        playground.settings.StartError: A variable cannot be used, or is missing for an address others can
            reach; or the state cannot be kept where it should be.
    """
    from .app import build

    return build(config or {})
