"""urllib3 connections that record how far a request got, and keep our limits.

Args of the classes: as urllib3's, and the policy of the client.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from . import private_parts
from .pool_policy import PoolPolicy
from .response_head import ResponseHead, read_head
from .socket_reader import ResponseFile
from .stock_classes import StockHTTPConnection, StockHTTPSConnection
from .strict_response import DelimitedResponse, StrictResponse
from .trace import Stage, Trace, current_trace

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection, HTTPSConnection
else:
    HTTPConnection, HTTPSConnection = StockHTTPConnection, StockHTTPSConnection

__all__ = ["TracedHTTPConnection", "TracedHTTPSConnection"]

_Read = TypeVar("_Read")


class TracedHTTPConnection(HTTPConnection):
    """Records each stage in the current trace and limits opening, sending and receiving."""

    # With a debug level, http.client would print the whole request, including the key.
    debuglevel = 0
    # The docstring of http.client's `getresponse` names this variable.
    response_class: Any = StrictResponse

    #: When it was opened and when it was returned to the pool, on the clock of the pool's policy.
    opened_at: float = 0.0
    idle_since: float = 0.0
    #: The address in use, if the host has several.
    _address: Any = None
    #: Descriptor and inode of the socket while it is open.
    _descriptor: tuple[int, int] | None = None

    def __init__(self, *, host: str, policy: PoolPolicy, **kwargs: Any) -> None:
        super().__init__(host=host, **kwargs)
        self._policy = policy
        #: As given: `host` lacks a dot at the end, which the resolver needs.
        self._resolved_host = host
        policy.connections.add(self)

    def connect(self) -> None:
        self.opened_at = self._policy.monotonic()
        trace = current_trace.get()
        trace.begin_opening(self.timeout)
        try:
            super().connect()
        except Exception:
            self._note_address(answered=False)
            raise
        trace.stage = Stage.OPEN
        trace.opened = True

    def _open(self) -> socket.socket:
        """Open the socket; urllib3 calls this as `_new_conn`.

        Raises:
            urllib3.exceptions.NewConnectionError: No address accepted.
            urllib3.exceptions.ConnectTimeoutError: The time for opening is over.
        """
        trace = current_trace.get()
        try:
            sock = self._dial(trace)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        sock.settimeout(trace.next_opening_wait())  # for the next step: a proxy, or the TLS handshake
        return sock

    if private_parts.HAS_NEW_CONN:
        _new_conn = _open

    def _dial(self, trace: Trace) -> socket.socket:
        """Connect to the first of the host's addresses that accepts.

        urllib3 gives each address the whole limit. Here they share it in equal parts, so that one that never
        responds leaves time for the next. The address that responded last comes first; one that accepted
        a connection and did not respond comes last.
        """
        self._address = None
        addresses = socket.getaddrinfo(
            self._resolved_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
        )
        several = len(addresses) > 1
        known = self._policy.known_addresses
        if several and known:
            addresses = _order_addresses(addresses, known.get((self._resolved_host, self.port)))
        failure: OSError = OSError("the host has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                sock: socket.socket = self._open_socket(socket.socket, family, kind, protocol)
            except OSError as error:  # e.g. an address family that this system does not support
                failure = error
                continue
            try:
                sock.settimeout(trace.next_opening_wait(shares=len(addresses) - tried))
                sock.connect(address)
                self._address = address if several else None
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure

    def _open_socket(self, kind: Callable[..., Any], *args: Any) -> Any:
        """Create a socket, record its descriptor and set its options.

        Args:
            kind: The class of the socket.
            args: Its arguments: address family, type and protocol.

        Raises:
            OSError: The system does not support the address family or an option.
        """
        self.sock = sock = kind(*args)
        try:
            self._descriptor = sock.fileno(), os.fstat(sock.fileno()).st_ino
        except (OSError, TypeError, ValueError):
            self._descriptor = None  # a mock, not a socket of the system
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
        except OSError:
            sock.close()
            raise
        return sock

    def send(self, data: Any) -> None:
        trace = current_trace.get()
        if trace.stage is Stage.OPENING:  # the CONNECT of a proxy tunnel
            super().send(data)
            return
        if self.sock is None:
            self.connect()
        elif not trace.opened:
            trace.reused = True
        trace.begin_sending()
        self.sock.settimeout(trace.next_sending_wait())
        super().send(data)

    def getresponse(self) -> Any:
        return self._receive(super().getresponse)

    def receive_head(self, *, bodyless: bool) -> tuple[ResponseHead, ResponseFile]:
        """Read the head of a response without the steps of urllib3 and http.client.

        Args:
            bodyless: Whether the method of the request is one whose responses have no body.

        Returns:
            The head, and the file to read the body from.

        Raises:
            OSError: The connection failed, or a limit was reached.
            http.client.HTTPException: The head is malformed.
        """
        file = ResponseFile(self.sock)
        try:
            trace = current_trace.get()
            if not trace.has_limits:  # otherwise the file sets the timeout of each wait
                self.sock.settimeout(trace.read_timeout)
            return self._receive(partial(read_head, file.readline, bodyless=bodyless)), file
        except BaseException:
            file.close()
            raise

    def _receive(self, read: Callable[[], _Read]) -> _Read:
        trace = current_trace.get()
        trace.stage = Stage.WAITING
        try:
            response = read()
        except Exception as error:
            # The server may close an idle connection; that is not a failure of the address.
            if trace.opened or isinstance(error, TimeoutError):
                self._note_address(answered=False)
            raise
        self._note_address(answered=True)
        return response

    def _note_address(self, *, answered: bool) -> None:
        if self._address is not None:
            self._policy.known_addresses[self._resolved_host, self.port] = self._address, answered

    def holds_bytes(self) -> bool:
        """Whether bytes of the server may be buffered that polling the socket does not show."""
        return False

    def close(self) -> None:
        self._descriptor = None
        super().close()

    def close_inherited(self) -> None:
        """Close a forked child's copy of the socket without sending anything.

        It uses no object that a thread of the parent may have locked. During a TLS handshake only such a
        thread has the socket object, and the socket is closed by its descriptor.
        """
        sock, self.sock = self.sock, None
        known, self._descriptor = self._descriptor, None
        if sock is not None and sock.fileno() >= 0:
            # urllib3's TLS in TLS wraps the real socket.
            os.close(getattr(sock, "socket", sock).detach())
        elif known is not None:
            descriptor, inode = known
            try:
                if os.fstat(descriptor).st_ino == inode:
                    os.close(descriptor)
            except OSError:
                return  # already closed


class TracedHTTPSConnection(TracedHTTPConnection, HTTPSConnection):
    """The same over TLS; the handshake belongs to the stage OPENING."""

    def connect(self) -> None:
        super().connect()
        # An end of the connection without TLS's close_notify may be an attack: it does not end a body.
        sock: Any = self.sock
        if private_parts.has_ragged_eofs(sock):
            sock.suppress_ragged_eofs = False
        else:
            self.response_class = DelimitedResponse

    def holds_bytes(self) -> bool:
        return _holds_bytes(self.sock)


def _holds_bytes(sock: Any) -> bool:
    """Whether TLS has buffered bytes of the server.

    A TLS record, or one read from the network, may contain more than the response. A socket that cannot tell
    is treated as one with buffered bytes: its connection is not reused, and responses cannot be mixed up.
    """
    pending = getattr(sock, "pending", None)
    if pending is not None:  # the standard library's
        return bool(pending())
    if isinstance(sock, private_parts.TLS_IN_TLS):  # for an https proxy
        return bool(sock.sslobj.pending() or sock.incoming.pending) or _holds_bytes(sock.socket)
    pending = getattr(getattr(sock, "connection", None), "pending", None)  # pyOpenSSL's, as urllib3 wraps it
    return pending is None or bool(pending())


def _order_addresses(addresses: list[Any], last: tuple[Any, bool] | None) -> list[Any]:
    """Order the addresses of a host for connecting.

    Args:
        addresses: As `getaddrinfo` returns them.
        last: The address that was used last, and whether it responded.
    """
    at = next((index for index, found in enumerate(addresses) if last and found[4] == last[0]), None)
    if last is None or at is None:
        return addresses
    if last[1]:
        return [addresses[at], *addresses[:at], *addresses[at + 1 :]]
    return addresses[at + 1 :] + addresses[: at + 1]
