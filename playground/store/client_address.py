"""The network by which clients are counted for rate limits."""

from __future__ import annotations

import ipaddress

__all__ = ["client_network"]


def client_network(address: str) -> str:
    """The network that an address is counted with: an IPv6 client has all addresses of its /64.

    A socket for both versions names IPv4 clients as ``::ffff:192.0.2.1``, which is 192.0.2.1.

    Args:
        address: Address of the client; a text that is not an address is returned, cut to 64 characters.
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
