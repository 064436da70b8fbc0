"""Lines of the app's log: nothing in them that a terminal would obey, or that looks like another line.

Paths and messages come from whoever calls us, and from the API. An exception is worse: a UnicodeEncodeError
holds the whole page it could not encode, form token and typed variables included, and a KeyError what
somebody typed. So of an exception the log has the class and the places in the code, and its message only
where the classes below promise that it may be shown.
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

__all__ = ["SafeFormatter", "exception_text", "init_app", "install_hooks", "named"]

#: Their messages are written to be read: without the key, and without what a page or a form held.
_SAFE: Final = (octaspace.Error, StoreError, StartError)

#: Frames of one exception: a recursion without end has a thousand.
_MAX_FRAMES: Final = 60

#: Exceptions of a chain or a group.
_MAX_EXCEPTIONS: Final = 10

_GROUP: Final[Any] = getattr(builtins, "BaseExceptionGroup", ())  # from Python 3.11 on


class SafeFormatter(logging.Formatter):
    """Writes each record on one line, and an exception without what it was raised with."""

    def format(self, record: logging.LogRecord) -> str:
        # Not the base class's: it takes over the text that another handler has left in the record.
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
        """Say so on one line: the base class writes the arguments of the record, and those of the error."""
        error = sys.exc_info()[1]
        if logging.raiseExceptions and sys.stderr is not None:
            sys.stderr.write(f"A line of {record.module} could not be logged: {type(error).__name__}\n")


def init_app(app: Flask) -> None:
    """Give the app's logger a handler of its own, in place of Flask's."""
    log = logging.getLogger(app.name)
    if not any(isinstance(handler, _Handler) for handler in log.handlers):
        log.addHandler(_handler())


def install_hooks() -> None:
    """For a process that serves the app: what no logger of ours sees is written in the same way.

    That is what ends a thread, what is raised where nobody can catch it, and lines of other packages.
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
    logging.lastResort = _handler()
    logging.lastResort.setLevel(logging.WARNING)


def named(error: BaseException) -> str:
    """What an exception is called, with its message where it is one that may be shown."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {_one_line(str(error))}" if isinstance(error, _SAFE) else name


def exception_text(error: BaseException) -> str:
    """An exception with those behind it, the first one first: classes, files, lines and functions.

    There are no messages but those of `named`, no variables and no lines of code.
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
    yield named(error)
    if isinstance(error, _GROUP):
        for part in error.exceptions:
            if len(seen) < _MAX_EXCEPTIONS:
                yield "one of them:"
                yield from _lines(part, seen)


def _one_line(text: str) -> str:
    return str(visible(text)).replace("\n", "\\n")


def _handler() -> _Handler:
    handler = _Handler(wsgi_errors_stream)
    handler.setFormatter(SafeFormatter("[%(asctime)s] %(levelname)s in %(module)s: %(message)s"))
    return handler
