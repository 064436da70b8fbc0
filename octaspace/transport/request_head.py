"""Encode the head of a request in one step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from urllib3.util.request import SKIP_HEADER

from .stock_classes import StockHTTPConnection, StockHTTPSConnection

__all__ = ["HeadEncoder"]

_METHOD: Final = re.compile(r"[A-Z]+")
#: Path and query that urllib3 would not encode differently.
_TARGET: Final = re.compile(
    r"/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*)?", re.ASCII
)
#: A token, a colon, and a value without line breaks and control characters.
_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\xa0-\xff]*")
#: Without these, urllib3 or http.client add their own.
_EXPECTED: Final = frozenset({"user-agent", "accept-encoding"})
_UNEXPECTED: Final = frozenset({"host", "transfer-encoding"})


class HeadEncoder:
    """Encodes the heads of plain requests to one host.

    Args:
        host: The host, as urllib3's pool has it.
        port: Its port.
        scheme: http or https.
    """

    def __init__(self, scheme: str, host: str, port: int | None) -> None:
        self._host = _host_field(scheme, host, port)
        # The fields of nearly all requests of a client are the same.
        self._known: tuple[Mapping[str, str], bytes] = ({}, b"")

    def encode(self, method: str, target: str, fields: Mapping[str, str], body: bytes | None) -> bytes | None:
        """Encode a head with its fields.

        Args:
            method: The method.
            target: Path and query.
            fields: The header fields.
            body: The body.

        Returns:
            None if the request is not a plain one.
        """
        known, lines = self._known
        if fields != known:
            encoded = _encode_fields(fields, body)
            if encoded is None:
                return None
            lines = encoded
            self._known = fields, lines
        elif body is not None and fields.get("Content-Length") != str(len(body)):
            return None
        if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
            return None
        return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method.encode(), target.encode(), self._host, lines)


def _encode_fields(fields: Mapping[str, str], body: bytes | None) -> bytes | None:
    if not all(isinstance(part, str) for field in fields.items() for part in field):
        return None  # bytes, which http.client accepts as well
    names = {name.lower() for name in fields}
    if not names >= _EXPECTED or names & _UNEXPECTED or SKIP_HEADER in fields.values():
        return None
    if body is not None and fields.get("Content-Length") != str(len(body)):
        return None
    lines = [f"{name}: {value}" for name, value in fields.items()]
    if not all(map(_FIELD.fullmatch, lines)):
        return None
    return "\r\n".join([*lines, ""]).encode("iso-8859-1")


def _host_field(scheme: str, host: str, port: int | None) -> bytes:
    """The line with the host, as http.client writes it."""
    sent: list[bytes] = []
    kind: Any = StockHTTPSConnection if scheme == "https" else StockHTTPConnection
    connection = kind(host, port)
    connection.send = sent.append
    connection.putrequest("GET", "/", skip_accept_encoding=True)
    connection.endheaders()
    line: bytes = b"".join(sent).split(b"\r\n")[1]
    return line + b"\r\n"
