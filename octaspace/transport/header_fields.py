"""Read the header fields of a response."""

from __future__ import annotations

import io
import re
from http.client import HTTPException, HTTPMessage, LineTooLong, parse_headers
from typing import Any, Final

__all__ = ["OPTIONAL_SPACE", "read_header_fields"]

#: White space allowed around a value (RFC 9110, 5.6.3); `str.strip` would remove more.
OPTIONAL_SPACE: Final = " \t"

_MAX_FIELDS: Final = 100
_MAX_LINE: Final = 65536

#: An unambiguous field: a token, a colon, and a value on the same line.
_PLAIN: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")


def read_header_fields(fp: Any) -> HTTPMessage:
    """Read the fields up to the empty line that ends them.

    Plain fields are parsed here; that avoids the e-mail parser of http.client, which takes a quarter of the
    time of a small call. All other fields go to that parser, which records their defects.

    Args:
        fp: The file to read from.

    Raises:
        http.client.HTTPException: A line is too long, there are too many, or the end is missing: the last
            field may be incomplete, and the length may be among the missing ones.
    """
    lines: list[bytes] = []
    while True:
        line = fp.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise LineTooLong("header line")
        if line in (b"\r\n", b"\n"):
            break
        if not line.endswith(b"\n"):
            raise HTTPException("the response ended within its header fields")
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
