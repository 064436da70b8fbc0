"""Convert one JSON value to text, a flag or a number. No function raises.

`import octaspace` loads this module for `readiness`, and none of those that read money.
"""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["WHOLE", "flag", "integer", "number", "text"]

#: Far above every figure of the API; larger numbers could overflow or take long to convert.
_LARGEST: Final = 10**100

_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}

_NUMERAL: Final = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")
#: Text that is a whole number.
WHOLE: Final = re.compile(r"-?[0-9]{1,100}")


def text(value: Any) -> str | None:
    """Return a string unchanged."""
    return value if isinstance(value, str) else None


def flag(value: Any) -> bool | None:
    """Return a boolean from true or false, from text in any case, or from 1 or 0 (Q9)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def number(value: Any) -> float | None:
    """Return a finite number, also from a string (Q9); an `int` where the JSON has an integer."""
    if isinstance(value, str):
        if not _NUMERAL.fullmatch(value):
            return None
        value = int(value) if WHOLE.fullmatch(value) else float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -_LARGEST < value < _LARGEST else None  # excludes NaN and infinity


def integer(value: Any) -> int | None:
    """Return a whole number from 28, 28.0 or "28" (Q9)."""
    read = number(value)
    if isinstance(read, int):
        return read
    return int(read) if read is not None and read.is_integer() else None
