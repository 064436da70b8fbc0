"""Limits on JSON text: the number of values, counted before parsing, and the number of levels.

Each list, object, number or string becomes a Python object of at least fifty bytes, however short it is in
the text: 16 MB of ``[],[],…`` become 350 MB. The number of values, not the size of the text, determines the
memory that parsing needs.

Parsers accept text that is nested hundreds of levels deep, thousands in newer Pythons: too deep for recursive
code, `copy.deepcopy` included. The API's responses have fewer than ten levels.
"""

from __future__ import annotations

import gc
import json
import re
from typing import Any, Final

__all__ = ["has_more_values", "is_too_deep", "parse_nested"]

_MAX_LEVELS: Final = 100

#: Maximum number of values in JSON text inside a response. Ports and variables are a few.
_MAX_NESTED: Final = 100_000

#: Start of a list or an object. Any other text has one value at most.
_CONTAINER: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{]")

_SEPARATORS: Final = (b",", b"[", b"{")

#: Bytes that are split at their strings at a time.
_BLOCK_SIZE: Final = 65536


def has_more_values(text: bytes, limit: int) -> bool:
    """Whether a JSON text has more values than a limit.

    It counts the commas and the opening brackets and braces outside of strings: every value is the first of
    its container or follows a comma, and a container is a value as well. A name and its value in an object
    count once. Counting in the whole text, strings included, is quick and never too low; strings are
    excluded only if that count exceeds the limit.

    If the text is not valid JSON, the result holds for the part that a parser reads before it fails.

    Args:
        text: The text in UTF-8.
        limit: Maximum number of values.
    """
    if len(text) <= limit or not _CONTAINER.match(text) or _count_separators(text) <= limit:
        return False
    # Without escapes, every quotation mark starts or ends a string.
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    count, inside = 0, 0
    for start in range(0, len(text), _BLOCK_SIZE):
        # Every second part is a string. In blocks, because the parts take memory as well.
        parts = text[start : start + _BLOCK_SIZE].split(b'"')
        count += _count_separators(b"".join(parts[inside::2]))
        if count > limit:
            return True
        inside ^= (len(parts) - 1) & 1
    return False


def _count_separators(text: bytes) -> int:
    return sum(map(text.count, _SEPARATORS))


def is_too_deep(value: Any, length: int) -> bool:
    """Whether parsed JSON has more than 100 levels of lists and objects.

    It goes level by level and not value by value: the garbage collector lists the contents of a container,
    and tracks only those that are containers. That takes a tenth of the time of parsing.

    Args:
        value: The parsed text.
        length: The length of the text. Each level takes an opening and a closing bracket.
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
    """Parse JSON text inside a response (Q3, Q31), which counts as one value of the response.

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or has more than 100,000 values.
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
