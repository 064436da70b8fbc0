"""How many values a JSON text has, counted before it is parsed.

Each list, object, number or string becomes a Python object of fifty bytes and more, however short it is in
the text: 16 MB of ``[],[],…`` become 350 MB. So the bytes of a text say little of what parsing it costs, and
the number of its values says nearly all.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["has_more_values", "parse_nested"]

#: Values in JSON text inside an answer. Ports and variables are a few.
_MOST_NESTED: Final = 100_000

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


def parse_nested(text: str) -> Any:
    """What JSON text inside an answer holds (Q3, Q31). For the answer's own values it is one.

    Raises:
        ValueError: It is no JSON, nested too deeply, or has more values than such text has.
    """
    if len(text) > _MOST_NESTED and has_more_values(text.encode("utf-8", "surrogatepass"), _MOST_NESTED):
        raise ValueError(f"the JSON text has more than {_MOST_NESTED} values")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None
