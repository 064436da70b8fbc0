"""Lines of the app's log: nothing in them that a terminal would obey, or that looks like another line.

Paths and messages come from whoever calls us, and from the API.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask
from flask.logging import wsgi_errors_stream

from .formatting import visible

__all__ = ["init_app"]


class _Visible(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return str(visible(super().formatMessage(record))).replace("\n", "\\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return str(visible(super().formatException(ei)))


def init_app(app: Flask) -> None:
    """Give the app's logger a handler of its own, in place of Flask's."""
    log = logging.getLogger(app.name)
    if not any(isinstance(handler.formatter, _Visible) for handler in log.handlers):
        handler = logging.StreamHandler(wsgi_errors_stream)  # type: ignore[call-overload]
        handler.setFormatter(_Visible("[%(asctime)s] %(levelname)s in %(module)s: %(message)s"))
        log.addHandler(handler)
