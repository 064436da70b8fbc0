"""``X-Forwarded-*`` headers: trusted from the operator's proxies only, and only with valid values.

werkzeug's `ProxyFix` uses the value that the outermost trusted proxy wrote, counted from the right: values of
the client are further left. It accepts any text as an address or a scheme, so invalid ones are removed
before. The host is checked later, like the Host header of any request.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["behind_proxies"]

_FOR: Final = "HTTP_X_FORWARDED_FOR"
_PROTO: Final = "HTTP_X_FORWARDED_PROTO"
_HOST: Final = "HTTP_X_FORWARDED_HOST"


def behind_proxies(app: WSGIApplication, hops: int) -> WSGIApplication:
    """Wrap an app that is behind trusted proxies.

    Args:
        app: The app; it finds client, scheme and host in the usual WSGI variables.
        hops: Number of proxies that append to ``X-Forwarded-For``, ``-Proto`` and ``-Host``; at least one.
    """
    return _HeaderFilter(ProxyFix(app, x_for=hops, x_proto=hops, x_host=hops), hops)


class _HeaderFilter:
    """Removes invalid addresses and schemes, and the values left of the trusted one."""

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        self._app, self._hops = app, hops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for header, read in ((_FOR, _address), (_PROTO, _scheme), (_HOST, _host)):
            values = environ.pop(header, "").split(",")
            if len(values) < self._hops:
                continue
            value = read(values[-self._hops].strip())
            if value is not None:
                # The same place, counted from the right.
                environ[header] = ",".join([value] * self._hops)
        return self._app(environ, start_response)


def _address(text: str) -> str | None:
    """An IP address without a port; some proxies append one."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](:\d{1,5})?", text)
    if bracketed is not None:
        text = bracketed[1]
    elif text.count(":") == 1:
        text = re.sub(r":\d{1,5}\Z", "", text)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _scheme(text: str) -> str | None:
    return text.lower() if text.lower() in ("http", "https") else None


def _host(text: str) -> str:
    # ProxyFix treats a comma inside quotes as part of a value.
    return text.replace('"', "%22")
