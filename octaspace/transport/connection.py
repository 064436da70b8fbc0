"""urllib3 connections that record how far a request got, and keep our limits."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.request import SKIP_HEADER

from .framing import StrictResponse
from .stock_classes import StockHTTPConnection, StockHTTPSConnection
from .trace import Stage, Trace, current_trace

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection, HTTPSConnection
else:
    HTTPConnection, HTTPSConnection = StockHTTPConnection, StockHTTPSConnection

__all__ = ["TracedHTTPConnection", "TracedHTTPSConnection"]

#: A token, a colon, and a value without line breaks and control characters.
_PLAIN_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\xa0-\xff]*")


class TracedHTTPConnection(HTTPConnection):
    """Records each stage in the current trace and limits opening, sending and receiving."""

    # With a debug level, http.client would print the whole request, including the key.
    debuglevel = 0
    response_class: Any = StrictResponse

    #: When it was opened and when it was returned to the pool, on the clock of the pool's policy.
    opened_at: float = 0.0
    idle_since: float = 0.0
    #: By host and port: the address that was used last, and whether it responded. Shared by the connections
    #: of a client.
    known_addresses: MutableMapping[tuple[str, int], tuple[Any, bool]] | None = None
    #: The address in use, if the host has several.
    _address: Any = None
    #: Descriptor and inode of the socket while it is open.
    _descriptor: tuple[int, int] | None = None

    def connect(self) -> None:
        trace = current_trace.get()
        trace.begin_opening(self.timeout)
        try:
            super().connect()
        except Exception:
            self._note_address(answered=False)
            raise
        trace.stage = Stage.OPEN
        trace.opened = True

    def _new_conn(self) -> socket.socket:
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

    def _dial(self, trace: Trace) -> socket.socket:
        """Connect to the first of the host's addresses that accepts.

        urllib3 gives each address the whole limit. Here they share it in equal parts, so that one that never
        responds leaves time for the next. The address that responded last comes first; one that accepted
        a connection and did not respond comes last.
        """
        self._address = None
        addresses = socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
        )
        several = len(addresses) > 1
        if several and self.known_addresses:
            addresses = _order_addresses(addresses, self.known_addresses.get((self._dns_host, self.port)))
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

    def _tunnel(self) -> None:
        """A proxy's response to CONNECT counts as opening."""
        trace = current_trace.get()
        self.response_class = partial(StrictResponse, next_wait=trace.next_opening_wait)
        try:
            super()._tunnel()
        finally:
            del self.response_class
        self.sock.settimeout(trace.next_opening_wait())

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

    def putheader(self, header: Any, *values: Any) -> None:
        """Write a plain text field in one step: http.client checks and encodes name and values separately.

        http.client handles everything else, bytes included: it passes the host as bytes on a default port.
        """
        if len(values) == 1 and isinstance(value := values[0], str) and isinstance(header, str):
            line = f"{header}: {value}"
            if value is not SKIP_HEADER and _PLAIN_FIELD.fullmatch(line):
                self._output(line.encode("iso-8859-1"))  # type: ignore[attr-defined]
                return
        super().putheader(header, *values)

    def getresponse(self) -> Any:
        trace = current_trace.get()
        trace.stage = Stage.WAITING
        if trace.has_limits:
            self.response_class = partial(
                StrictResponse,
                next_wait=trace.next_reading_wait,
                poll=trace.poll if trace.is_polled else None,
            )
        try:
            response = super().getresponse()
        except Exception as error:
            # The server may close an idle connection; that is not a failure of the address.
            if trace.opened or isinstance(error, TimeoutError):
                self._note_address(answered=False)
            raise
        finally:
            if trace.has_limits:
                del self.response_class
        self._note_address(answered=True)
        return response

    def _note_address(self, *, answered: bool) -> None:
        if self._address is not None and self.known_addresses is not None:
            self.known_addresses[self._dns_host, self.port] = self._address, answered

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
        if hasattr(self.sock, "suppress_ragged_eofs"):
            self.sock.suppress_ragged_eofs = False


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
