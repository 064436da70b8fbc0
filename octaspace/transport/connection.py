"""urllib3's connections that say how far a request got, and keep our limits."""

from __future__ import annotations

import os
import re
import socket
import sys
from functools import partial
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.request import SKIP_HEADER

from .framing import StrictResponse, TimedResponse
from .trace import Stage, Trace, current_trace

__all__ = ["TracedHTTPConnection", "TracedHTTPSConnection"]

#: A token, a colon, and a value without line breaks and control characters.
_PLAIN_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\xa0-\xff]*")


class TracedHTTPConnection(HTTPConnection):
    """Reports each stage to the current trace and bounds opening, sending and receiving."""

    # http.client prints the whole request, the key with it, where a program switched this on.
    debuglevel = 0
    response_class: Any = StrictResponse

    #: When it was put back, on the clock of its pool's policy.
    idle_since: float = 0.0
    #: Descriptor and inode of the socket, from its making to its end.
    _descriptor: tuple[int, int] | None = None

    def connect(self) -> None:
        trace = current_trace.get()
        trace.begin_opening(self.timeout)
        super().connect()
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
        that never answers leaves time for the next.
        """
        addresses = socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
        )
        failure: OSError = OSError("the host has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            self.sock = sock = socket.socket(family, kind, protocol)
            self._descriptor = sock.fileno(), os.fstat(sock.fileno()).st_ino
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(trace.next_opening_wait(shares=len(addresses) - tried))
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                failure = error
        raise failure

    def _tunnel(self) -> None:
        """The answer of a proxy to CONNECT belongs to the opening."""
        trace = current_trace.get()
        self.response_class = partial(TimedResponse, next_wait=trace.next_opening_wait)
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
        if trace.deadline.limit is None:
            return super().getresponse()
        self.response_class = partial(TimedResponse, next_wait=trace.next_reading_wait)
        try:
            return super().getresponse()
        finally:
            del self.response_class

    def close(self) -> None:
        self._descriptor = None
        super().close()

    def let_go(self) -> None:
        """Close a forked child's copy of the socket, without a word on the wire.

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
