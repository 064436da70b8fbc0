"""Requests that a script sends by itself."""

from __future__ import annotations

from typing import Final

from flask import request

__all__ = ["is_background"]

#: Their header; see static/js/background.js.
_BACKGROUND: Final = "X-Background"


def is_background() -> bool:
    """Whether a script sent the current request by itself: a refresh or a poll."""
    return _BACKGROUND in request.headers
