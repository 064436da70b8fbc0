"""How many values a JSON text has, counted before it is parsed, and how many levels.

Each list, object, number or string becomes a Python object of fifty bytes and more, however short it is in
the text: 16 MB of ``[],[],…`` become 350 MB. So the bytes of a text say little of what parsing it costs, and
the number of its values says nearly all.

What a parser takes may be nested hundreds of levels deep, thousands in newer Pythons: too deep for whatever
walks through it, `copy.deepcopy` included. The API's answers have less than ten levels.
"""

from __future__ import annotations

import gc
import json
import re
from typing import Any, Final

__all__ = ["has_more_values", "is_too_deep", "parse_nested"]

_MAX_LEVELS: Final = 100

#: Values in JSON text inside an answer. Ports and variables are a few.
_MAX_NESTED: Final = 100_000

#: A text that begins otherwise has one value at most.
_CONTAINER: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{]")

_SIGNS: Final = (b",", b"[", b"{")

#: How much of a text is split at its strings at a time.
_PIECE: Final = 65536


def has_more_values(text: bytes, limit: int) -> bool:
    """Whether a JSON text has more values than a limit.

    What is counted are the commas and the opening brackets and braces outside of strings: every value is the
    first of its container or stands behind a comma, and a container is a value as well. A name and its value
    in an object count once. Three counts over the bytes, strings included, are quick and never too low; only
    a text that is over the limit by them is looked at more closely.

    Where the text is no JSON, the answer is right for what a parser reads of it before it gives up.

    Args:
        text: The text in UTF-8.
        limit: How many values it may have.
    """
    if len(text) <= limit or not _CONTAINER.match(text) or _signs(text) <= limit:
        return False
    # Without escapes, every quotation mark begins or ends a string.
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    count, inside = 0, 0
    for start in range(0, len(text), _PIECE):
        # Every second part is a string. Piece by piece, because the parts are objects as well.
        parts = text[start : start + _PIECE].split(b'"')
        count += _signs(b"".join(parts[inside::2]))
        if count > limit:
            return True
        inside ^= (len(parts) - 1) & 1
    return False


def _signs(text: bytes) -> int:
    return sum(map(text.count, _SIGNS))


def is_too_deep(value: Any, length: int) -> bool:
    """Whether parsed JSON has more than 100 levels of lists and objects.

    It goes from level to level and not from value to value: the garbage collector knows what is in a
    container, and which of that are containers with others inside, for a tenth of the time of parsing.

    Args:
        value: What a parser has made of a text.
        length: The length of that text. A level takes a bracket that opens and one that closes.
    """
    if length <= 2 * _MAX_LEVELS or not isinstance(value, (list, dict)):
        return False
    level: list[Any] = [value]
    for _ in range(_MAX_LEVELS):
        level = list(filter(gc.is_tracked, gc.get_referents(*level)))
        if not level:
            return False
    return True


def parse_nested(text: str) -> Any:
    """What JSON text inside an answer holds (Q3, Q31). For the answer's own values it is one.

    Raises:
        ValueError: It is no JSON, nested too deeply, or has more values than such text has.
    """
    if len(text) > _MAX_NESTED and has_more_values(text.encode("utf-8", "surrogatepass"), _MAX_NESTED):
        raise ValueError(f"the JSON text has more than {_MAX_NESTED} values")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None
    if is_too_deep(value, len(text)):
        raise ValueError("the JSON text is nested too deeply")
    return value
