"""A request on an idle connection, in fewer steps than those of urllib3 and http.client.

Those libraries check and encode every header field of every request, and build two objects for a response.
Here a plain request is one write, and its response is read once. That is possible if a connection is idle,
so its host and certificate have been checked, and if no other library watches the steps: some replace
methods of urllib3 and http.client to trace requests (Sentry, OpenTelemetry's instrumentation of urllib3),
and urllib3 logs each request at the level DEBUG. All other requests take the usual steps.

Only public methods are compared: a library that replaces a private one sees the first request of each
connection.
"""

from __future__ import annotations

import errno
import http.client
import logging
import queue
import ssl
import sys
from http.client import HTTPException
from operator import is_
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError, SSLError
from urllib3.util.connection import is_connection_dropped

from .request_head import HeadEncoder
from .reused_response import ReusedResponse
from .stock_classes import StockHTTPSConnection
from .strict_response import StrictResponse
from .trace import current_trace

if TYPE_CHECKING:
    from .connection import TracedHTTPConnection

__all__ = ["reuse"]

_log: Final = logging.getLogger("urllib3.connectionpool")

#: Errors of sending after which there may be a response: the server refused the request early.
_REFUSED: Final = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET, errno.EPROTOTYPE})

#: The public steps that are left out. The classes for https inherit what is replaced in those for http.
_STEPS: Final = (
    (HTTPSConnectionPool, "urlopen"),
    (StockHTTPSConnection, "request"),
    (StockHTTPSConnection, "putrequest"),
    (StockHTTPSConnection, "putheader"),
    (StockHTTPSConnection, "endheaders"),
    (StockHTTPSConnection, "getresponse"),
    (http.client.HTTPConnection, "request"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "putheader"),
    (http.client.HTTPConnection, "endheaders"),
    (http.client.HTTPConnection, "getresponse"),
)


def _original(owner: type, name: str) -> Any:
    """The method as its module defines it, or None if it has been replaced before this import."""
    method = getattr(owner, name, None)
    for base in owner.__mro__:
        if name in vars(base):
            home = vars(sys.modules[base.__module__])
            # `type`: a wrapper of wrapt has the class, the attributes and the equality of what it wraps.
            return method if type(method) is FunctionType and method.__globals__ is home else None
    return None


_OWNERS: Final = [owner for owner, _ in _STEPS]
_NAMES: Final = [name for _, name in _STEPS]
_ORIGINALS: Final = [_original(owner, name) for owner, name in _STEPS]


def _is_watched() -> bool:
    """Whether another library has replaced a step, or the steps are logged."""
    return _log.isEnabledFor(logging.DEBUG) or not all(map(is_, map(getattr, _OWNERS, _NAMES), _ORIGINALS))


def reuse(
    pool: HTTPConnectionPool,
    heads: HeadEncoder,
    method: str,
    url: str,
    body: Any,
    headers: Any,
    options: dict[str, Any],
) -> ReusedResponse | None:
    """Send a request on an idle connection and read the head of the response.

    Args:
        pool: The pool of the host.
        heads: Encodes the heads of its requests.
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
    head = heads.encode(method, url, headers.copy(), body)
    if head is None:
        return None
    try:
        connection = idle.get()
    except queue.Empty:
        return None
    if is_connection_dropped(connection):
        connection.close()
        return None
    if connection.response_class is not StrictResponse or not (
        connection.is_verified or pool.scheme == "http"
    ):
        idle.put(connection)  # for urllib3, which warns of a host that is not verified
        return None
    try:
        return _exchange(pool, connection, method, url, head if body is None else head + body)
    except BaseException:
        connection.close()
        raise


def _exchange(
    pool: HTTPConnectionPool, connection: TracedHTTPConnection, method: str, url: str, data: bytes
) -> ReusedResponse:
    try:
        try:
            connection.send(data)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise
        try:
            head, file = connection.receive_head(bodyless=method == "HEAD")
        except TimeoutError as error:
            limit = current_trace.get().read_timeout
            raise ReadTimeoutError(pool, url, f"Read timed out. (read timeout={limit})") from error
    except ssl.SSLError as error:
        raise SSLError(error) from error
    except (OSError, HTTPException) as error:
        raise ProtocolError("Connection aborted.", error) from error
    return ReusedResponse(head, file, connection, pool)
