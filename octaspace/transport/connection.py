"""urllib3's connections that say how far a request got, and keep our limits."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import MutableMapping
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

__all__ = ["TracedHTTPConnection", "TracedHTTPSConnection", "descriptor_of"]

#: A token, a colon, and a value without line breaks and control characters.
_PLAIN_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\xa0-\xff]*")


class TracedHTTPConnection(HTTPConnection):
    """Reports each stage to the current trace and bounds opening, sending and receiving."""

    # http.client prints the whole request, the key with it, where a program switched this on.
    debuglevel = 0
    response_class: Any = StrictResponse

    #: When it was opened and when it was put back, on the clock of its pool's policy.
    opened_at: float = 0.0
    idle_since: float = 0.0
    #: The address that was spoken to last, and whether it answered, by host and port; shared by the
    #: connections of a client.
    known_addresses: MutableMapping[tuple[str, int], tuple[Any, bool]] | None = None
    #: The one of several addresses that this connection leads to.
    _address: Any = None
    #: Descriptor and inode of the socket, from its making to its end.
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
        sock.settimeout(trace.next_opening_wait())  # what comes next: a proxy, or the TLS handshake
        return sock

    def _dial(self, trace: Trace) -> socket.socket:
        """Connect to the first of the host's addresses that takes it.

        urllib3 gives each address the whole limit. Here they share one, in equal parts, so that one
        that never answers leaves time for the next. The one that answered last comes first; one that took
        a connection and did not answer comes last.
        """
        self._address = None
        addresses = socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
        )
        several = len(addresses) > 1
        if several and self.known_addresses:
            addresses = _in_turn(addresses, self.known_addresses.get((self._dns_host, self.port)))
        failure: OSError = OSError("the host has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError as error:  # a family that this system does not have
                failure = error
                continue
            self.sock = sock
            self._descriptor = descriptor_of(sock)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(trace.next_opening_wait(shares=len(addresses) - tried))
                sock.connect(address)
                self._address = address if several else None
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure

    def _tunnel(self) -> None:
        """The answer of a proxy to CONNECT belongs to the opening."""
        trace = current_trace.get()
        self.response_class = partial(StrictResponse, next_wait=trace.next_opening_wait)
        try:
            super()._tunnel()
        finally:
            del self.response_class
        self.sock.settimeout(trace.next_opening_wait())

    def send(self, data: Any) -> None:
        trace = current_trace.get()
        if trace.stage is Stage.OPENING:  # OPENING: the CONNECT for a proxy's tunnel
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
        """Write a plain text field in one step: http.client checks and encodes name and values one by one.

        Everything else is http.client's, bytes included: it passes the host as bytes on a default port.
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
                look=trace.look if trace.is_watched else None,
            )
        try:
            response = super().getresponse()
        except Exception as error:
            # A connection that was kept may have been ended by the server, which says nothing of the address.
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

        No object is asked that a thread of the parent may have locked. During a TLS handshake the socket
        is in such a thread's hands alone, and known by its descriptor.
        """
        sock, self.sock = self.sock, None
        known, self._descriptor = self._descriptor, None
        if sock is not None and sock.fileno() >= 0:
            # urllib3's TLS within TLS keeps the real socket inside.
            os.close(getattr(sock, "socket", sock).detach())
        elif known is not None:
            descriptor, inode = known
            try:
                if os.fstat(descriptor).st_ino == inode:
                    os.close(descriptor)
            except OSError:
                return  # closed meanwhile


class TracedHTTPSConnection(TracedHTTPConnection, HTTPSConnection):
    """The same over TLS; the handshake belongs to the stage OPENING."""

    def connect(self) -> None:
        super().connect()
        # A connection that ends without TLS's own farewell may have been cut by anybody: no end of a body.
        if hasattr(self.sock, "suppress_ragged_eofs"):
            self.sock.suppress_ragged_eofs = False


def _in_turn(addresses: list[Any], last: tuple[Any, bool] | None) -> list[Any]:
    """The addresses of a host in the order in which they are tried.

    Args:
        addresses: As the system has them.
        last: The one that was spoken to last, and whether it answered.
    """
    at = next((index for index, found in enumerate(addresses) if last and found[4] == last[0]), None)
    if last is None or at is None:
        return addresses
    if last[1]:
        return [addresses[at], *addresses[:at], *addresses[at + 1 :]]
    return addresses[at + 1 :] + addresses[: at + 1]


def descriptor_of(sock: socket.socket) -> tuple[int, int] | None:
    """Descriptor and inode, or None for what is a socket only to Python."""
    try:
        return sock.fileno(), os.fstat(sock.fileno()).st_ino
    except (OSError, TypeError, ValueError):
        return None
