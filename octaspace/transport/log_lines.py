"""Log without failing the call.

A filter or a handler that raises would end a call whose request has taken effect, and its response (e.g. a
rented machine) would be lost.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any

__all__ = ["is_wanted", "log_line"]


def is_wanted(log: logging.Logger, level: int) -> bool:
    """Whether a line of that level would be logged. True also if the logger raises, which `log_line` reports.

    Args:
        log: The logger.
        level: The level.
    """
    try:
        return log.isEnabledFor(level)
    except Exception:
        return True


def log_line(
    log: logging.Logger,
    level: int,
    line: str,
    *args: object,
    error: BaseException | None = None,
    **extra: Any,
) -> None:
    """Log a line; an exception of the logger, its filters or its handlers is reported on stderr in one line.

    Args:
        log: The logger.
        level: The level.
        line: The line, with placeholders for the arguments.
        args: The arguments.
        error: An exception whose traceback is logged as well.
        extra: Attributes of the record.
    """
    try:
        log.log(level, line, *args, exc_info=error, extra=extra, stacklevel=2)
    except Exception as failure:
        if logging.raiseExceptions:  # as the logging module does
            with contextlib.suppress(Exception):
                name = getattr(log, "name", type(log).__name__)
                sys.stderr.write(f"octaspace: logging to {name!r} raised {type(failure).__name__}\n")
