"""Checks addresses from payloads before pages show them: web links that can be followed, SSH commands."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final
from urllib.parse import urlsplit

from octaspace.types import SshAccess

__all__ = ["host_and_port", "ssh_command", "web_address"]

#: Characters of a host name or address; anything else could be an option or a command.
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?")


def web_address(value: Any) -> str | None:
    """The address if a page may link to it, else None: http or https, a host, and no credentials."""
    if not isinstance(value, str) or not value.isprintable() or any(mark in value for mark in ' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    safe = parts.scheme in ("http", "https") and host and _HOST.fullmatch(host) and "@" not in parts.netloc
    return value if safe else None


def host_and_port(host: str | None, port: int | None) -> str | None:
    """``host:port`` when both are valid, else None."""
    if not host or not _HOST.fullmatch(host) or port is None or not 1 <= port <= 65535:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ssh_command(access: SshAccess | None) -> str | None:
    """The command that connects to a machine, or None when the answer has no valid host and port."""
    if access is None or access.host is None or host_and_port(access.host, access.port) is None:
        return None
    return shlex.join(["ssh", "-p", str(access.port), f"root@{access.host}"])
