"""The host names that the sandbox answers to: those of this machine, and configured ones.

Without this check a page of another site could point its own name at this machine (DNS rebinding), and the
browser would let it send requests and read the answers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

_PORT = re.compile(r":[0-9]{1,5}\Z")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class HostNames:
    """The names, without ports.

    Args:
        more: Names and addresses in addition to those of this machine.

    Raises:
        ValueError: One of them cannot be in a Host header.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._more = frozenset(map(_checked, more))

    def include(self, host: str | None, own: str) -> bool:
        """Whether a request may be answered.

        Args:
            host: Its Host header; None when it has none, as HTTP/1.0 allows and no browser does.
            own: The address at which it arrived.
        """
        if host is None:
            return True
        name = _PORT.sub("", host.lower()).removesuffix(".")
        return name == "localhost" or name in self._more or _is_own_address(name, own)


def _is_own_address(name: str, own: str) -> bool:
    # An IP address cannot be redirected by a name server.
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\]", name)
    try:
        address = ipaddress.IPv6Address(bracketed[1]) if bracketed else ipaddress.IPv4Address(name)
        arrived = ipaddress.ip_address(own.partition("%")[0])
    except ValueError:
        return False
    # A socket for both kinds of addresses has IPv4 ones written as IPv6.
    mapped = arrived.ipv4_mapped if arrived.version == 6 else None
    return address.is_loopback or address == (mapped or arrived)


def _checked(name: str) -> str:
    plain = name.lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(plain.strip("[]"))
    except ValueError:
        if not _NAME.fullmatch(plain):
            wanted = "without scheme, port and path"
            raise ValueError(f"{name!r} cannot be the name of a host: give it {wanted}") from None
        return plain
    return f"[{address}]" if address.version == 6 else str(address)
