"""The format of log lines that the operator has chosen: PLAYGROUND_LOG_FORMAT."""

from __future__ import annotations

import logging

from ..settings import ProcessSettings
from .app_log import SafeFormatter
from .json_log import JsonFormatter

__all__ = ["log_formatter"]


def log_formatter(process: ProcessSettings, place: str = "%(module)s") -> logging.Formatter:
    """The formatter of the app's lines.

    Args:
        process: The operator's settings.
        place: What a line of text says about where it comes from.
    """
    if process.log_format == "json":
        return JsonFormatter()
    return SafeFormatter(f"[%(asctime)s] %(levelname)s in {place}: %(message)s")
