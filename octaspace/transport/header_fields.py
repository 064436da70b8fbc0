"""Reading the header fields of an answer."""

from __future__ import annotations

import io
import re
from http.client import HTTPException, HTTPMessage, LineTooLong, parse_headers
from typing import Any, Final

__all__ = ["OPTIONAL_SPACE", "read_header_fields"]

#: All that may stand around a value (RFC 9110, 5.6.3); `str.strip` would take more.
OPTIONAL_SPACE: Final = " \t"

_MAX_FIELDS: Final = 100
_MAX_LINE: Final = 65536

#: A field that nobody can read in two ways: a token, a colon, and a value on the same line.
_PLAIN: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")


def read_header_fields(fp: Any) -> HTTPMessage:
    """Read the fields up to the empty line that ends them.

    Plain fields are taken as they stand; that saves http.client's way through the parser for e-mail, a
    quarter of a small call. Anything else goes that way, and has its defects noted.

    Args:
        fp: The file to read from.

    Raises:
        http.client.HTTPException: A line is too long, there are too many, or the end is missing: what
            came may be half of a field, and the length may have been among those that are lost.
    """
    lines: list[bytes] = []
    while True:
        line = fp.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise LineTooLong("header line")
        if line in (b"\r\n", b"\n"):
            break
        if not line.endswith(b"\n"):
            raise HTTPException("the answer ended before its header fields did")
        lines.append(line)
        if len(lines) > _MAX_FIELDS:
            raise HTTPException(f"got more than {_MAX_FIELDS} headers")
    fields = []
    for field in lines:
        plain = _PLAIN.fullmatch(field.decode("iso-8859-1"))
        if plain is None:
            return parse_headers(io.BytesIO(b"".join([*lines, line])))
        fields.append((plain[1], plain[2]))
    message = HTTPMessage()
    message._headers = fields  # type: ignore[attr-defined]
    return message
