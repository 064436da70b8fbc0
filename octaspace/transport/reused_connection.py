"""A request on an idle connection, in fewer steps than those of urllib3 and http.client.

Those libraries check and encode every header field of every request, and build two objects for a response.
Here a plain request is one write, and its response is read once. That is possible if a connection is idle, so
its host and certificate have been checked, and if nobody watches the steps: other libraries replace methods of
urllib3 and http.client to trace requests (Sentry, OpenTelemetry's instrumentation of urllib3), and urllib3 logs
each request at the level DEBUG. All other requests take the usual steps.
"""

from __future__ import annotations

import errno
import http.client
import logging
import queue
import re
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.exceptions import ProtocolError, ReadTimeoutError
from urllib3.util.connection import is_connection_dropped
from urllib3.util.request import SKIP_HEADER

from .framing import StrictResponse
from .header_fields import parse_plain_fields
from .stock_classes import StockHTTPConnection, StockHTTPSConnection
from .trace import current_trace

if TYPE_CHECKING:
    from .connection_pool import PooledHTTPConnectionPool

__all__ = ["HeadEncoder", "ReusedResponse", "reuse"]

_log: Final = logging.getLogger("urllib3.connectionpool")

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

#: Errors of sending after which there may be a response: the server refused the request early.
_REFUSED: Final = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET, errno.EPROTOTYPE})

#: The steps that are left out.
_STEPS: Final = (
    (urllib3.HTTPConnectionPool, "urlopen"),
    (StockHTTPConnection, "request"),
    (StockHTTPConnection, "putrequest"),
    (StockHTTPConnection, "getresponse"),
    (http.client.HTTPConnection, "request"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "putheader"),
    (http.client.HTTPConnection, "endheaders"),
    (http.client.HTTPConnection, "getresponse"),
)


def _is_watched() -> bool:
    """Whether another library has replaced a step, or the steps are logged."""
    if _log.isEnabledFor(logging.DEBUG):
        return True
    for owner, name, original in _ORIGINALS:
        if getattr(owner, name) is not original:
            return True
    return False


def _original(owner: type, name: str) -> Any:
    """The method as its module defines it, or None if it has been replaced before this import."""
    method = getattr(owner, name, None)
    for base in owner.__mro__:
        if name in vars(base):
            home = vars(sys.modules[base.__module__])
            return method if getattr(method, "__globals__", None) is home else None
    return None


_ORIGINALS: Final = tuple((owner, name, _original(owner, name)) for owner, name in _STEPS)


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


class ReusedResponse(StrictResponse):
    """The response, with what the SDK and requests use of urllib3's.

    Args:
        connection: The connection, from which the request was sent.
        pool: Where it belongs.
        method: The method of the request.
    """

    def __init__(self, connection: Any, pool: Any, method: str) -> None:
        super().__init__(connection.sock, method=method)
        self._connection = connection
        self._pool = pool

    def parse_lines(self, lines: list[bytes]) -> Any:
        fields = parse_plain_fields(lines)
        return urllib3.HTTPHeaderDict(super().parse_lines(lines).items()) if fields is None else fields

    @property
    def length_remaining(self) -> int | None:
        """Bytes of the body that have not been read, if known."""
        return self.length

    def read(self, amt: int | None = None, decode_content: bool = False) -> bytes:
        """Read the body, or a part of it, as it is."""
        return super().read(amt)

    def stream(self, amt: int, decode_content: bool = False) -> Iterator[bytes]:
        """Read the body in parts, as it is."""
        while part := super().read(amt):
            yield part

    def release_conn(self) -> None:
        """Return the connection to its pool."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.will_close:
            connection.close()
        idle = self._pool.pool
        if idle is None:
            connection.close()
        else:
            idle.put(connection)

    def close(self) -> None:
        """Close the response, and the connection if it was not released."""
        connection, self._connection = getattr(self, "_connection", None), None
        if connection is not None:
            connection.close()
        super().close()


def reuse(
    pool: PooledHTTPConnectionPool, method: str, url: str, body: Any, headers: Any, options: dict[str, Any]
) -> ReusedResponse | None:
    """Send a request on an idle connection and read the head of the response.

    Args:
        pool: The pool of the host.
        method: The method.
        url: Path and query.
        body: The body.
        headers: The header fields.
        options: The other arguments of `urllib3.HTTPConnectionPool.urlopen`.

    Returns:
        None if that is not possible; nothing was sent then.

    Raises:
        urllib3.exceptions.HTTPError: As urllib3 raises it.
    """
    idle: Any = pool.pool
    if idle is None or not idle.qsize() or pool.proxy is not None or _is_watched():
        return None
    if options.get("preload_content", True) or options.get("decode_content", True) or options.get("chunked"):
        return None
    if headers is None or not (body is None or isinstance(body, bytes)):
        return None
    head = pool.heads.encode(method, url, headers.copy(), body)
    if head is None:
        return None
    try:
        connection = idle.get()
    except queue.Empty:
        return None
    if is_connection_dropped(connection):
        connection.close()
        return None
    if pool.scheme == "https" and not connection.is_verified:
        idle.put(connection)  # urllib3 warns
        return None
    try:
        return _exchange(pool, connection, method, url, head if body is None else head + body)
    except BaseException:
        connection.close()
        raise


def _exchange(pool: Any, connection: Any, method: str, url: str, data: bytes) -> ReusedResponse:
    trace = current_trace.get()
    try:
        try:
            connection.send(data)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
        try:
            wait = trace.next_reading_wait()
            connection.sock.settimeout(wait)
            response = ReusedResponse(connection, pool, method)
            try:
                connection.read_response(response)
            except BaseException:
                response.close()
                raise
            return response
        except TimeoutError as error:
            raise ReadTimeoutError(pool, url, f"Read timed out. (read timeout={trace.read_timeout})") from error
    except (OSError, HTTPException) as error:
        raise ProtocolError("Connection aborted.", error) from error
