"""Connections through a SOCKS proxy, with the usual limits. Imported only if there is one."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import socks  # type: ignore[import-untyped]
from urllib3.contrib.socks import SOCKSConnection

from . import private_parts
from .connection import TracedHTTPConnection, TracedHTTPSConnection
from .connection_pool import PooledHTTPConnectionPool, PooledHTTPSConnectionPool
from .trace import Trace

__all__ = ["SOCKSConnectionPool", "SOCKSTLSConnectionPool"]


class _BoundedSocket(socks.socksocket):  # type: ignore[misc]
    """A SOCKS socket whose waits for the proxy share one limit; PySocks gives each the whole limit."""

    #: During the exchange with the proxy: returns the seconds for the next wait.
    next_wait: Callable[[], float | None] | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.next_wait is not None:
            self.settimeout(self.next_wait())
        received: int = super().recv_into(*args, **kwargs)
        return received


class _TracedSOCKSConnection(TracedHTTPConnection, SOCKSConnection):
    if private_parts.HAS_NEW_CONN and not private_parts.has_socks_options(SOCKSConnection):
        _new_conn = SOCKSConnection._new_conn

    def _dial(self, trace: Trace) -> socket.socket:
        """Connect to the first of the proxy's addresses that accepts, and through it to the host."""
        self._address = None  # the addresses are the proxy's, not the host's
        options: Any = self._socks_options
        addresses = socket.getaddrinfo(
            options["proxy_host"].strip("[]"), options["proxy_port"], 0, socket.SOCK_STREAM
        )
        failure: OSError = OSError("the proxy has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                sock = self._open_socket(_BoundedSocket, family, kind, protocol)
            except OSError as error:
                failure = error
                continue
            try:
                sock.set_proxy(
                    options["socks_version"], address[0], address[1], options["rdns"],
                    options["username"], options["password"],
                )  # fmt: skip
                sock.settimeout(trace.next_opening_wait(shares=len(addresses) - tried))
                sock.next_wait = trace.next_opening_wait
                sock.connect((self.host.strip("[]"), self.port))
            except OSError as error:
                sock.close()
                # PySocks wraps the error of the system.
                failure = getattr(error, "socket_err", None) or error
            else:
                sock.next_wait = None
                return sock  # type: ignore[no-any-return]  # PySocks has no annotations
        raise failure


class _TracedSOCKSTLSConnection(_TracedSOCKSConnection, TracedHTTPSConnection):
    """The same over TLS."""


class SOCKSConnectionPool(PooledHTTPConnectionPool):
    """Connections to one http endpoint."""

    own_class = _TracedSOCKSConnection


class SOCKSTLSConnectionPool(PooledHTTPSConnectionPool):
    """Connections to one https endpoint."""

    own_class = _TracedSOCKSTLSConnection
