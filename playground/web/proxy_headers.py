"""What proxies in front say of a request: believed from our own proxies, and only where it can be true.

werkzeug's `ProxyFix` takes the value that the outermost of our proxies wrote, counted from the right: what a
client wrote itself stands further left. It takes any text for an address or a scheme, so what is neither is
removed before it looks; a name is looked at by the check of names, like that of any request.
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
    """An app that is reached through proxies of ours.

    Args:
        app: The app; it finds client, scheme and host where they always are.
        hops: How many proxies write ``X-Forwarded-For``, ``-Proto`` and ``-Host``, each adding to what is
            there; at least one.
    """
    return _Believable(ProxyFix(app, x_for=hops, x_proto=hops, x_host=hops), hops)


class _Believable:
    """Removes what is not an address or a scheme, and what stands left of the value that counts."""

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
    """An IP address; some proxies add the port."""
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
    # ProxyFix would take quotes for a way to put a comma into a value.
    return text.replace('"', "%22")
