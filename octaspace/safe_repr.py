"""How a message shows a value that somebody passed."""

from __future__ import annotations

import reprlib
from typing import Final

__all__ = ["safe_repr"]

_MAX_CHARACTERS: Final = 200

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80


def safe_repr(value: object) -> str:
    """The value's repr, short, on one line, and whatever the value is.

    A repr is not to be trusted in a message: that of an integer of 5,000 digits raises, that of a pasted file
    has no end, and one that somebody wrote may do anything.

    Args:
        value: What was passed.
    """
    try:
        text = _short.repr(value)
    except Exception:
        return f"<{type(value).__name__} that cannot be shown>"
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 1]}…"
