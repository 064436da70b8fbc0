"""The head of a response: strict where http.client is lenient.

Lenient framing can result in a truncated body that looks complete, in the response to another request, or in
a client that reads forever. Here it raises `HTTPException`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import BadStatusLine, HTTPException, LineTooLong, RemoteDisconnected, UnknownProtocol
from typing import Any, Final

from .header_fields import MAX_LINE, OPTIONAL_SPACE, parse_fields, read_field_lines

__all__ = ["BODYLESS", "ResponseHead", "read_head"]

#: Statuses of responses that never have a body, even if their header fields declare one.
BODYLESS: Final = frozenset({204, 304})

_MAX_INTERIM: Final = 32

_STATUS: Final = re.compile(r"[1-9][0-9]{2}")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class ResponseHead:
    """The head of a final response.

    Attributes:
        version: 10 or 11, as http.client has it.
        status: The status code.
        reason: The reason phrase.
        fields: The header fields.
        length: The length of the body in bytes; None if only its end shows it.
        chunked: Whether the body consists of chunks.
        ends_connection: Whether the connection cannot be used for another request.
    """

    __slots__ = ("chunked", "ends_connection", "fields", "length", "reason", "status", "version")

    def __init__(self, version: str, status: int, reason: str, lines: list[bytes], *, bodyless: bool) -> None:
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.status = status
        self.reason = reason
        self.fields = fields = parse_fields(lines)
        self.length, self.chunked = _body_length(fields)
        if bodyless or status in BODYLESS or status < 200:
            # Regardless of the fields, which describe the body of another response.
            self.length, self.chunked = 0, False
        self.ends_connection = (self.length is None and not self.chunked) or self._asks_to_close()

    def _asks_to_close(self) -> bool:
        connection = self.fields.get("Connection", "").lower()
        if "close" in connection or self.version == 11:
            return "close" in connection
        proxy = self.fields.get("Proxy-Connection", "").lower()
        return (
            not self.fields.get("Keep-Alive") and "keep-alive" not in connection and "keep-alive" not in proxy
        )


def read_head(readline: Callable[[int], bytes], *, bodyless: bool) -> ResponseHead:
    """Read the head of a response, and skip interim responses (1xx).

    Args:
        readline: Reads a line of at most so many bytes.
        bodyless: Whether the method of the request is one whose responses have no body (HEAD).

    Raises:
        http.client.HTTPException: It is malformed, too long or ambiguous.
    """
    for _ in range(_MAX_INTERIM + 1):
        version, status, reason = _read_status_line(readline)
        lines = read_field_lines(readline)
        # http.client skips only 100, without a limit, and treats every other 1xx as the final response.
        if status == 101 or not 100 <= status < 200:
            return ResponseHead(version, status, reason, lines, bodyless=bodyless)
    raise HTTPException(f"more than {_MAX_INTERIM} interim responses (1xx)")


def _read_status_line(readline: Callable[[int], bytes]) -> tuple[str, int, str]:
    """Read the protocol version, the status and the reason."""
    line = readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise LineTooLong("status line")
    if not line:
        raise RemoteDisconnected("Remote end closed connection without response")
    text = line.decode("iso-8859-1")
    version, _, rest = text.strip().partition(" ")
    status, _, reason = rest.strip(OPTIONAL_SPACE).partition(" ")
    if not version.startswith("HTTP/") or not _STATUS.fullmatch(status):
        raise BadStatusLine(text)
    return version, int(status), reason.strip(OPTIONAL_SPACE)


def _body_length(fields: Any) -> tuple[int | None, bool]:
    """The length of the body and whether it is chunked, as the header fields declare them."""
    lengths = fields.getlist("Content-Length")
    codings = fields.getlist("Transfer-Encoding")
    if not codings:
        return _parse_length(lengths) if lengths else None, False
    if lengths:
        raise HTTPException("both Content-Length and Transfer-Encoding")
    if [coding.strip(OPTIONAL_SPACE).lower() for coding in codings] != ["chunked"]:
        raise HTTPException("a Transfer-Encoding other than chunked")
    return None, True


def _parse_length(lengths: list[str]) -> int:
    values = {value.strip(OPTIONAL_SPACE) for value in lengths}
    if len(values) != 1:
        raise HTTPException("several different values of Content-Length")
    value = values.pop()
    if not _LENGTH.fullmatch(value):
        raise HTTPException("an invalid Content-Length")
    return int(value)
