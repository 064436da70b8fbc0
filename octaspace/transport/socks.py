"""Connections through a SOCKS proxy, with the limits of all others. Loaded only where there is one."""

from __future__ import annotations

import socket

from urllib3.contrib.socks import SOCKSConnection

from .connection import TracedHTTPConnection, TracedHTTPSConnection, descriptor_of
from .connection_pool import PooledHTTPConnectionPool, PooledHTTPSConnectionPool
from .trace import current_trace

__all__ = ["SOCKSConnectionPool", "SOCKSTLSConnectionPool"]


class _TracedSOCKSConnection(TracedHTTPConnection, SOCKSConnection):
    def _new_conn(self) -> socket.socket:
        trace = current_trace.get()
        # PySocks connects, and speaks to the proxy, within the connection's timeout.
        sock: socket.socket = SOCKSConnection._new_conn(self)
        self._descriptor = descriptor_of(sock)
        sock.settimeout(trace.next_opening_wait())
        return sock


class _TracedSOCKSTLSConnection(_TracedSOCKSConnection, TracedHTTPSConnection):
    """The same over TLS."""


class SOCKSConnectionPool(PooledHTTPConnectionPool):
    """Connections to one http endpoint."""

    own_class = _TracedSOCKSConnection


class SOCKSTLSConnectionPool(PooledHTTPSConnectionPool):
    """Connections to one https endpoint."""

    own_class = _TracedSOCKSTLSConnection
