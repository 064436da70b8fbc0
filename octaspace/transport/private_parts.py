"""The private parts of other libraries that the SDK uses, and the check of each.

A part that is missing, or that has another signature, is not used. Its stock path is slower or less exact,
and never wrong. `tests/wire/test_renamed_parts.py` renames each in its library and runs the other tests of
the folder; `tests/meta/test_private_parts.py` finds parts that are not in this list. Seen in all of them:
Python 3.10 to 3.13, requests 2.32.3 to 2.34.2, urllib3 1.26.20 to 2.8.0, PySocks 1.7.1.

- `urllib3.connection.HTTPConnection._new_conn`: opens a socket. Replaced, so that all addresses of a host
  share one limit, the address that responded last comes first, and a forked child can close a socket that
  is being opened. Stock path: urllib3's own, where each address has the whole limit.
- `urllib3.contrib.socks.SOCKSConnection._socks_options`: the address of a SOCKS proxy. Read by the same for
  a SOCKS proxy. Stock path: urllib3's own.
- `urllib3.util.ssltransport.SSLTransport.sslobj`, `.incoming`: the buffers of TLS in TLS, for an https
  endpoint through an https proxy. Read, to see whether bytes follow a response. Stock path: such a
  connection serves one request.
- `ssl.SSLSocket.suppress_ragged_eofs`: whether an end of the connection without TLS's close_notify looks
  like a proper one. Set to False, because it may be an attack. Stock path: a body that only the end of the
  connection ends is an error.
- `http.client.HTTPResponse.begin`, `.chunked`, `.chunk_left`, `.length`, `.will_close`: the head of a
  response. Replaced and set, so that fields which have been checked are not parsed again by the e-mail
  parser. It saves 186 thousand of 1,084 thousand instructions of a small call that takes the usual steps of
  urllib3. Stock path: http.client parses the checked lines.

Only the last one saves work. `octaspace.transport.reused_connection` leaves out most steps with public names.
"""

from __future__ import annotations

import http.client
from typing import Any, Final

from urllib3.util.ssltransport import SSLTransport

from .stock_classes import StockHTTPConnection

__all__ = ["HAS_BEGIN", "HAS_NEW_CONN", "TLS_IN_TLS", "has_ragged_eofs", "has_socks_options"]


def _code(kind: Any, name: str) -> Any:
    return getattr(getattr(kind, name, None), "__code__", None)


def _takes_only_self(kind: Any, name: str) -> bool:
    code = _code(kind, name)
    return code is not None and code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] == ("self",)


def _sets(kind: Any, *names: str) -> bool:
    """Whether the constructor of a class uses these names."""
    code = _code(kind, "__init__")
    return code is not None and set(code.co_names) >= set(names)


HAS_NEW_CONN: Final = _takes_only_self(StockHTTPConnection, "_new_conn")

HAS_BEGIN: Final = _takes_only_self(http.client.HTTPResponse, "begin") and _sets(
    http.client.HTTPResponse, "chunked", "chunk_left", "length", "will_close"
)

#: The class of TLS in TLS, or an empty tuple if its buffers cannot be read.
TLS_IN_TLS: Final[Any] = SSLTransport if _sets(SSLTransport, "sslobj", "incoming") else ()


def has_socks_options(kind: Any) -> bool:
    """Whether urllib3's class of SOCKS connections has `_socks_options`."""
    return _sets(kind, "_socks_options")


def has_ragged_eofs(sock: Any) -> bool:
    """Whether a TLS socket has `suppress_ragged_eofs`."""
    return hasattr(sock, "suppress_ragged_eofs")
