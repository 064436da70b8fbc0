"""Which clients are taken for the same one by their address."""

from __future__ import annotations

import ipaddress

__all__ = ["client_network"]


def client_network(address: str) -> str:
    """Whom an address is counted with: an IPv6 client has all addresses of its /64.

    A socket for both versions names IPv4 clients as ``::ffff:192.0.2.1``, which is 192.0.2.1.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(parsed), 64), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
