"""Whether a request was sent to a name of this app, and from a page of this app; if not, the reason.

Both checks compare headers that a proxy may have replaced, so a wrong setting of it looks like an attack. The
reason for the log names the header and its value; the text of the page names the setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ..formatting import visible
from .proxy_headers import Forwarded, forwarded

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["SiteProblem", "host_problem", "origin_problem"]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

#: Characters of a header's value in a log line.
_MAX_VALUE: Final = 100

_FOREIGN: Final = "The request comes from a page of another site."
_IF_PROXY: Final = (
    "If it is a page of this playground behind a proxy, set PLAYGROUND_HOSTS to its host name and "
    "PLAYGROUND_PROXY_HOPS to the number of proxies."
)
_HOST_ADVICE: Final = (
    "the proxy must pass on the browser's Host header with its port (nginx: proxy_set_header Host $http_host)"
)
_FORWARDED_HOST_ADVICE: Final = (
    "the X-Forwarded-Host of the proxy must be the browser's Host header with its port"
)
_SCHEME_ADVICE: Final = (
    "the proxy must set X-Forwarded-Proto (nginx: proxy_set_header X-Forwarded-Proto $scheme)"
)


@dataclass(frozen=True)
class SiteProblem:
    """A refused request.

    Attributes:
        status: HTTP status of the answer.
        text: For the client. It repeats no header: the request may come from anywhere.
        reason: For the log.
    """

    status: int
    text: str
    reason: str


def host_problem(environ: WSGIEnvironment, hosts: frozenset[str]) -> SiteProblem | None:
    """Why the host name of a request is refused; None if it is one of the app.

    Args:
        environ: The request, after `behind_proxies`.
        hosts: Names without port, in lower case.
    """
    host = environ.get("HTTP_HOST", "")
    if _name(host) in hosts:
        return None
    proxy = forwarded(environ)
    header = "X-Forwarded-Host" if proxy.host == "used" else "Host"
    reason = f"{header} {_shown(host)} is not in PLAYGROUND_HOSTS" if host else "there is no Host header"
    text = "This host name is not allowed; see PLAYGROUND_HOSTS."
    if header == "X-Forwarded-Host":
        text = "This host name, from X-Forwarded-Host, is not allowed; see PLAYGROUND_HOSTS."
    elif proxy.host == "ignored":
        reason += "; X-Forwarded-Host is ignored, because PLAYGROUND_PROXY_HOPS is not set"
    elif proxy.host == "short":
        reason += "; X-Forwarded-Host has fewer values than PLAYGROUND_PROXY_HOPS"
    elif proxy.hops and host:
        # nginx sends the name of its upstream by default. It would be wrong in PLAYGROUND_HOSTS.
        reason += f"; unless users type this name, {_HOST_ADVICE}"
        text += f" If the browser shows an allowed name, {_HOST_ADVICE}."
    return SiteProblem(400, text, reason)


def origin_problem(environ: WSGIEnvironment, hosts: frozenset[str]) -> SiteProblem | None:
    """Why a request is refused because of the page that it comes from; None if it is one of the app.

    `Origin` and `Sec-Fetch-Site` are optional; if present, they must match. Other sites may link here. Their
    background requests would make calls with the visitor's cookie, and their POST requests would change
    something, so both are refused.

    Args:
        environ: The request, after `behind_proxies`.
        hosts: Names without port, in lower case.
    """
    method = environ["REQUEST_METHOD"]
    site = environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
    if site not in ("same-origin", "none"):
        navigates = environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        if method == "GET" and navigates and environ.get("HTTP_SEC_FETCH_DEST") == "document":
            return None
        return SiteProblem(403, _FOREIGN, f"Sec-Fetch-Site is {_shown(site)}")
    origin = environ.get("HTTP_ORIGIN")
    if method in _SAFE_METHODS or origin is None:
        return None
    scheme, host = environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")
    try:
        given = urlsplit(origin)
    except ValueError:
        return SiteProblem(403, _FOREIGN, f"Origin {_shown(origin)} cannot be read")
    if (given.scheme, given.netloc) == (scheme, host):
        return None
    differs = f"Origin {_shown(origin)} does not match {_shown(f'{scheme}://{host}')}"
    advice = _advice(given.scheme, given.netloc, environ, hosts)
    if not advice:
        return SiteProblem(403, f"{_FOREIGN} {_IF_PROXY}", f"{differs}. {_IF_PROXY}")
    text = f"The page has another address than the one that the playground sees. For its operator: {advice}."
    return SiteProblem(403, text, f"{differs}: {advice}")


def _advice(scheme: str, host: str, environ: WSGIEnvironment, hosts: frozenset[str]) -> str:
    """The settings that explain why an Origin does not match; empty if it is the page of another site."""
    seen, proxy, name = environ.get("HTTP_HOST", ""), forwarded(environ), _name(host)
    if scheme not in ("http", "https") or name not in hosts:
        return ""
    if host != seen and proxy.hops == 0 and name in _THIS_MACHINE:
        return ""  # another program of this machine
    advice = []
    if host != seen:
        advice.append(_FORWARDED_HOST_ADVICE if proxy.host == "used" else _HOST_ADVICE)
    if scheme != environ["wsgi.url_scheme"]:
        advice.append(_scheme_advice(scheme, proxy))
    return ", and ".join(advice)


def _scheme_advice(scheme: str, proxy: Forwarded) -> str:
    if proxy.scheme == "used":
        return f"the X-Forwarded-Proto of the proxy must be {scheme}, which the browser uses"
    if proxy.hops == 0:
        return f"PLAYGROUND_PROXY_HOPS must be the number of proxies, and {_SCHEME_ADVICE}"
    if proxy.scheme == "short":
        return "PLAYGROUND_PROXY_HOPS is greater than the number of proxies that add to X-Forwarded-Proto"
    return _SCHEME_ADVICE


def _name(host: str) -> str:
    """A Host header without its port, in lower case."""
    name = host.lower()
    head, colon, port = name.rpartition(":")
    if colon and port.isdigit():
        name = head
    return name.removesuffix(".")


def _shown(value: str) -> str:
    """The value of a header for a log line: visible characters of a bounded length."""
    text = str(visible(value)).replace("\n", "\\n")
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
