"""Safe reprs for messages, of values that were passed or received."""

from __future__ import annotations

import reprlib
from typing import Final

__all__ = ["excerpt", "safe_repr"]

_MAX_CHARACTERS: Final = 200

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80

#: Strings and numbers of more than 11 characters are cut in the middle. From 12 characters on, a part of
#: a key is treated like the key; see `octaspace.key_mask`.
_excerpt = reprlib.Repr()
_excerpt.maxstring = _excerpt.maxother = _excerpt.maxlong = 13


def safe_repr(value: object) -> str:
    """The repr of any value, short and on one line; never raises.

    `repr` is not safe in a message: it raises for an integer of 5,000 digits, it is as long as the value, and
    a custom `__repr__` may do anything.

    Args:
        value: The value.
    """
    return _one_line(_short, value)


def excerpt(value: object) -> str:
    """Like `safe_repr`, for a value of a response: shortened so that it cannot contain a key.

    The API may repeat the key anywhere, and types, which parse payloads, do not have the key.

    Args:
        value: The value.
    """
    return _one_line(_excerpt, value)


def _one_line(short: reprlib.Repr, value: object) -> str:
    try:
        text = short.repr(value)
    except Exception:
        return f"<{type(value).__name__} that cannot be shown>"
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 1]}…"
