"""Writing log lines that cannot fail a call.

A filter or a handler that raises would end a call whose request has been carried out, and its answer (a
rented machine, say) would be lost.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any

__all__ = ["is_wanted", "log_line"]


def is_wanted(log: logging.Logger, level: int) -> bool:
    """Whether a line of that level would be written; also when the logger raises, which `log_line` reports.

    Args:
        log: Where to.
        level: At which level.
    """
    try:
        return log.isEnabledFor(level)
    except Exception:
        return True


def log_line(log: logging.Logger, level: int, line: str, *args: object, **extra: Any) -> None:
    """Write a line; what the logger, its filters or its handlers raise goes to stderr in one line.

    Args:
        log: Where to.
        level: At which level.
        line: The line, with places for the arguments.
        args: The arguments.
        extra: Attributes of the record.
    """
    try:
        log.log(level, line, *args, extra=extra, stacklevel=2)
    except Exception as error:
        if logging.raiseExceptions:  # what the logging module goes by itself
            with contextlib.suppress(Exception):
                name = getattr(log, "name", type(log).__name__)
                sys.stderr.write(f"octaspace: logging to {name!r} raised {type(error).__name__}\n")
