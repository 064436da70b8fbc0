"""``X-Forwarded-*`` headers: trusted from the operator's proxies only, and only with valid values.

werkzeug's `ProxyFix` uses the value that the outermost trusted proxy wrote, counted from the right: values of
the client are further left. It accepts any text as an address or a scheme, so invalid ones are removed
before. The host is checked later, like the Host header of any request. How each header was used is kept for
log lines (`forwarded`): for a refused request they name the setting of the proxy that is wrong.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Forwarded", "behind_proxies", "forwarded"]

_FOR: Final = "HTTP_X_FORWARDED_FOR"
_PROTO: Final = "HTTP_X_FORWARDED_PROTO"
_HOST: Final = "HTTP_X_FORWARDED_HOST"

#: Where the WSGI environment holds how the headers were used.
_KEY: Final = "playground.forwarded"

#: How a header was used. `missing`: it was not sent; `ignored`: no proxy is trusted; `short`: it has fewer
#: values than there are proxies; `invalid`: not a value of this header; `used`: it replaces what was seen.
Use = Literal["missing", "ignored", "short", "invalid", "used"]


@dataclass(frozen=True)
class Forwarded:
    """How the headers of a request were used.

    Attributes:
        hops: Number of trusted proxies.
        scheme: ``X-Forwarded-Proto``.
        host: ``X-Forwarded-Host``.
    """

    hops: int
    scheme: Use
    host: Use


def forwarded(environ: WSGIEnvironment) -> Forwarded:
    """How the ``X-Forwarded-*`` headers of a request were used."""
    known: Forwarded | None = environ.get(_KEY)
    if known is not None:
        return known
    uses: list[Use] = ["ignored" if name in environ else "missing" for name in (_PROTO, _HOST)]
    return Forwarded(0, *uses)


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
        uses = {
            header: self._filter(environ, header, read)
            for header, read in ((_FOR, _address), (_PROTO, _scheme), (_HOST, _host))
        }
        environ[_KEY] = Forwarded(self._hops, uses[_PROTO], uses[_HOST])
        return self._app(environ, start_response)

    def _filter(self, environ: WSGIEnvironment, header: str, read: Callable[[str], str | None]) -> Use:
        text = environ.pop(header, "")
        if not text.strip():
            return "missing"
        values = text.split(",")
        if len(values) < self._hops:
            return "short"
        value = read(values[-self._hops].strip())
        if not value:
            return "invalid"
        # The same place, counted from the right.
        environ[header] = ",".join([value] * self._hops)
        return "used"


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
