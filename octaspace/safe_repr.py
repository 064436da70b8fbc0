"""How a message shows a value that somebody passed, or that came in an answer."""

from __future__ import annotations

import reprlib
from typing import Final

__all__ = ["excerpt", "safe_repr"]

_MAX_CHARACTERS: Final = 200

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80

#: Texts and numbers of more than 11 characters are cut in the middle. From 12 on a part of a key is as good
#: as the key; see `octaspace.key_mask`.
_excerpt = reprlib.Repr()
_excerpt.maxstring = _excerpt.maxother = _excerpt.maxlong = 13


def safe_repr(value: object) -> str:
    """The value's repr, short, on one line, and whatever the value is.

    A repr is not to be trusted in a message: that of an integer of 5,000 digits raises, that of a pasted file
    has no end, and one that somebody wrote may do anything.

    Args:
        value: What was passed.
    """
    return _one_line(_short, value)


def excerpt(value: object) -> str:
    """The repr of a value out of an answer, as `safe_repr` has it, in which no key stands.

    The API may repeat the key anywhere, and a type that reads a payload does not know the key.

    Args:
        value: What came.
    """
    return _one_line(_excerpt, value)


def _one_line(short: reprlib.Repr, value: object) -> str:
    try:
        text = short.repr(value)
    except Exception:
        return f"<{type(value).__name__} that cannot be shown>"
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 1]}…"
