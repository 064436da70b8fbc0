"""The state of TCP connections in these namespaces."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ended_by_peer"]

_ESTABLISHED, _CLOSE_WAIT = "01", "08"


def ended_by_peer(address: str, port: int) -> bool:
    """Whether the server at an IPv4 address has ended every connection to it, and a client has one yet."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split("."))) + f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    states = {state for _, _, remote, state, *_ in rows if remote == wanted}
    return _ESTABLISHED not in states and _CLOSE_WAIT in states
