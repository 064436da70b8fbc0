"""The app's log: lines without control characters, exceptions without data of users.

Paths and messages come from clients and from the API. An exception may contain more: a UnicodeEncodeError has
the whole page it could not encode, form token and typed variables included, and a KeyError has typed text.
Therefore the log has only the class and the stack of an exception, and its message only for the classes
below, whose messages are safe.
"""

from __future__ import annotations

import builtins
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, Final

from flask import Flask
from flask.logging import wsgi_errors_stream

import octaspace

from ..formatting import visible
from ..settings import StartError
from ..store import StoreError

__all__ = ["SafeFormatter", "exception_name", "exception_text", "init_app", "install_hooks"]

#: Exceptions with safe messages: without the key, and without content of a page or a form.
_SAFE: Final = (octaspace.Error, StoreError, StartError)

#: Maximum number of frames of one exception: an infinite recursion has a thousand.
_MAX_FRAMES: Final = 60

#: Maximum number of exceptions of a chain or a group.
_MAX_EXCEPTIONS: Final = 10

_GROUP: Final[Any] = getattr(builtins, "BaseExceptionGroup", ())  # from Python 3.11 on


class SafeFormatter(logging.Formatter):
    """Writes each record on one line, and an exception without its arguments."""

    def format(self, record: logging.LogRecord) -> str:
        # Not the base class's method: it reuses the text that another handler has cached in the record.
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        lines = [_one_line(self.formatMessage(record))]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines.append(exception_text(error))
        return "\n".join(lines)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Report the failure on one line: the base class writes the arguments of record and error."""
        error = sys.exc_info()[1]
        if logging.raiseExceptions and sys.stderr is not None:
            sys.stderr.write(f"A line of {record.module} could not be logged: {type(error).__name__}\n")


def init_app(app: Flask, formatter: logging.Formatter) -> None:
    """Give the app's logger its own handler instead of Flask's, and log warnings in the same way.

    Args:
        app: The app.
        formatter: Formats the lines. The loggers are those of the process: the last app's formatter is used.
    """
    logging.captureWarnings(True)
    for name in (app.name, "py.warnings"):
        log = logging.getLogger(name)
        if not any(isinstance(handler, _Handler) for handler in log.handlers):
            log.addHandler(_Handler(wsgi_errors_stream))
        for handler in log.handlers:
            if isinstance(handler, _Handler):
                handler.setFormatter(formatter)


def install_hooks(formatter: logging.Formatter) -> None:
    """Format everything else that a serving process logs in the same way.

    This covers uncaught exceptions of threads, unraisable exceptions, and log lines of other packages.

    Args:
        formatter: Formats the lines of other packages.
    """
    log = logging.getLogger("playground")

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            name = args.thread.name if args.thread is not None else "unknown"
            log.error("The thread %s ended in an error", name, exc_info=args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        log.error("An error could not be raised", exc_info=args.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
    logging.lastResort = _Handler(wsgi_errors_stream)
    logging.lastResort.setFormatter(formatter)
    logging.lastResort.setLevel(logging.WARNING)


def exception_name(error: BaseException) -> str:
    """The name of an exception's class, with its message if the message is safe."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {_one_line(str(error))}" if isinstance(error, _SAFE) else name


def exception_text(error: BaseException) -> str:
    """An exception and its causes, the first cause first: classes, files, lines and functions.

    It contains no messages except those of `exception_name`, no variables and no source lines.
    """
    return "\n".join(_lines(error, set()))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__
    if before is None and not error.__suppress_context__:
        before = error.__context__
    if before is not None and id(before) not in seen and len(seen) < _MAX_EXCEPTIONS:
        yield from _lines(before, seen)
        yield "which led to:"
    yield "Traceback (most recent call last):"
    frames = [
        f'  File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_name}'
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if len(frames) > _MAX_FRAMES:
        half = _MAX_FRAMES // 2
        frames[half:-half] = [f"  ({len(frames) - 2 * half} frames are left out)"]
    yield from map(_one_line, frames)
    yield exception_name(error)
    if isinstance(error, _GROUP):
        for part in error.exceptions:
            if len(seen) < _MAX_EXCEPTIONS:
                yield "one of them:"
                yield from _lines(part, seen)


def _one_line(text: str) -> str:
    return str(visible(text)).replace("\n", "\\n")
