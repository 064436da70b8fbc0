"""Read the header fields of a response."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    HeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPException, LineTooLong, parse_headers
from typing import Final

# In urllib3 1.26, the package itself does not have it.
from urllib3.response import HTTPHeaderDict  # type: ignore[attr-defined]

__all__ = ["MAX_LINE", "OPTIONAL_SPACE", "parse_fields", "read_field_lines"]

#: White space allowed around a value (RFC 9110, 5.6.3); `str.strip` would remove more.
OPTIONAL_SPACE: Final = " \t"

#: Bytes of a line, as in http.client.
MAX_LINE: Final = 65536

_MAX_FIELDS: Final = 100

#: An unambiguous field: a token, a colon, and a value on the same line.
_PLAIN: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")

#: A line break within a value (RFC 9112, 5.2).
_FOLD: Final = re.compile(r"[ \t]*\r?\n[ \t]+")

#: The e-mail parser treats the fields after such a line as body, and the length may be among them.
_DEFECTS: Final = (
    FirstHeaderLineIsContinuationDefect,
    HeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


def read_field_lines(readline: Callable[[int], bytes]) -> list[bytes]:
    """Read the lines of the fields up to the empty line that ends them, which is the last one returned.

    Args:
        readline: Reads a line of at most so many bytes.

    Raises:
        http.client.HTTPException: A line is too long, there are too many, or the end is missing: the last
            field may be incomplete, and the length may be among the missing ones.
    """
    lines: list[bytes] = []
    while True:
        line = readline(MAX_LINE + 1)
        lines.append(line)
        if line in (b"\r\n", b"\n"):
            return lines
        if len(line) > MAX_LINE:
            raise LineTooLong("header line")
        if not line.endswith(b"\n"):
            raise HTTPException("the response ended within its header fields")
        if len(lines) > _MAX_FIELDS:
            raise HTTPException(f"got more than {_MAX_FIELDS} headers")


def parse_fields(lines: list[bytes]) -> HTTPHeaderDict:
    """Parse the lines of fields.

    Args:
        lines: As `read_field_lines` returns them.

    Raises:
        http.client.HTTPException: They are ambiguous.
    """
    # Unambiguous fields do not need the e-mail parser, which takes a quarter of the time of a small call.
    fields = HTTPHeaderDict()
    for line in lines[:-1]:
        plain = _PLAIN.fullmatch(line.decode("iso-8859-1"))
        if plain is None:
            break
        fields.add(plain[1], plain[2])
    else:
        return fields
    parsed = parse_headers(io.BytesIO(b"".join(lines)))
    if any(isinstance(defect, _DEFECTS) for defect in parsed.defects):
        raise HTTPException("malformed header fields")
    fields = HTTPHeaderDict()
    for name, value in parsed.items():
        fields.add(name, _FOLD.sub(" ", value))
    return fields
