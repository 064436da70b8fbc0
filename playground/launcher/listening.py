"""Addresses to listen on: checked before anything is started."""

from __future__ import annotations

import errno
import socket

from ..settings import StartError

__all__ = ["port_to_listen_at"]


def port_to_listen_at(host: str, port: int) -> int:
    """Check that the address can be used; return the port, or for 0 a free one.

    Raises:
        StartError: The address cannot be used.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise StartError(f"--host {host} is not an address: the name does not resolve") from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StartError(_why_not(error, host, port)) from None
        return int(probe.getsockname()[1])


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; choose another with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine"
    if error.errno == errno.EACCES:
        return f"Port {port} is not for everybody; choose one above 1023 with --port"
    return f"Port {port} of {host} cannot be used: {error.strerror}"
