"""Cross-origin requests of web pages on this machine and of browser extensions.

Pages of other sites get no permission.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

Headers = list[tuple[str, str]]
_EXTENSIONS = frozenset({"chrome-extension", "moz-extension", "safari-web-extension"})


def headers(environ: dict[str, Any]) -> Headers:
    """Headers that let the requesting page read the answer; empty for other requests."""
    origin = _origin(environ)
    if not origin:
        return []
    return [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, Content-Disposition"),
        ("Vary", "Origin"),
    ]


def is_preflight(environ: dict[str, Any]) -> bool:
    """Whether this is a preflight request for a page that has permission."""
    asks = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    return asks and bool(_origin(environ))


def permission(methods: list[str]) -> Headers:
    """The answer to a preflight request for a path with these methods."""
    return [
        ("Access-Control-Allow-Methods", ", ".join(sorted(set(methods)))),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept"),
        ("Access-Control-Max-Age", "600"),
    ]


def _origin(environ: dict[str, Any]) -> str:
    """The origin of a page of this machine or of an extension; else an empty string."""
    origin = str(environ.get("HTTP_ORIGIN", ""))
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme in _EXTENSIONS:
        return origin
    return origin if parts.scheme in ("http", "https") and _is_this_machine(host) else ""


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
