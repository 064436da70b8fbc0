"""Notes on exceptions, also on Python 3.10."""

from __future__ import annotations

from .errors import Error

__all__ = ["add_note"]


def add_note(error: BaseException, note: str) -> None:
    """Add a line that tracebacks show behind the error.

    Args:
        error: The error.
        note: The line.
    """
    if hasattr(error, "add_note"):
        error.add_note(note)
        return
    # Python 3.10 has no notes. Tracebacks show causes and contexts, so the note is added at the end of these.
    chain = [error]
    while True:
        behind = chain[-1].__cause__
        if behind is None and not chain[-1].__suppress_context__:
            behind = chain[-1].__context__
        if behind is None or behind in chain:
            break
        chain.append(behind)
    chain[-1].__context__, chain[-1].__suppress_context__ = Error(note), False
