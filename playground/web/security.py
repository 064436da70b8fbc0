"""Access checks, limits of requests, and security headers of responses.

The Host header is checked before everything else, static files and missing pages included: otherwise another
site could point its host name at this machine and read the pages (DNS rebinding). Flask's `TRUSTED_HOSTS`
exists only since 3.1 and cannot match ``[::1]``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request

from ..settings import ProcessSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["init_app"]

#: `data:` is for the inline SVG icons of Bootstrap's style sheet.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STATIC: Final = frozenset({"static", "bootstrap.static"})

#: Maximum size of a request body in bytes, and number of form parts.
_MAX_BYTES: Final = 256 * 1024
_MAX_PARTS: Final = 200


class BoundedRequest(Request):
    """A request with limits. Flask reads them from its configuration only since 3.1."""

    max_content_length = _MAX_BYTES
    max_form_memory_size = _MAX_BYTES
    max_form_parts = _MAX_PARTS


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Register the checks. Call it before any other `before_request`, and before `behind_proxies`."""
    app.request_class = BoundedRequest
    app.wsgi_app = _HostCheck(app.wsgi_app, process.hosts)  # type: ignore[method-assign]
    app.before_request(_check_origin)
    app.after_request(_add_headers)


class _HostCheck:
    """Refuses unknown host names. It runs outside of Flask, which fails on some invalid names."""

    def __init__(self, app: WSGIApplication, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_known(environ.get("HTTP_HOST", "").lower()):
            return self._app(environ, start_response)
        response = _refusal(400, "This host name is not allowed; see PLAYGROUND_HOSTS.")
        return _set_headers(response)(environ, start_response)

    def _is_known(self, name: str) -> bool:
        head, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = head
        return name.removesuffix(".") in self._hosts


def _check_origin() -> Response | None:
    return None if _is_same_site() else _refusal(403, "The request comes from a page of another site.")


def _is_same_site() -> bool:
    """Whether a request comes from this app. Both headers are optional; if present, they must match.

    Other sites may link here. Their background requests would make calls with the visitor's cookie, and their
    POST requests would change something, so both are refused.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none"):
        navigates = request.headers.get("Sec-Fetch-Mode") == "navigate"
        return request.method == "GET" and navigates and request.headers.get("Sec-Fetch-Dest") == "document"
    origin = request.headers.get("Origin")
    if request.method in _SAFE_METHODS or origin is None:
        return True
    return urlsplit(origin)[:2] == (request.scheme, request.environ["HTTP_HOST"])


def _refusal(status: int, text: str) -> Response:
    # Plain text: an unknown host name must not get a page with a token or state.
    return Response(f"{text}\n", status, mimetype="text/plain")


def _set_headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: with https the CSRF check needs the referrer of POST requests.
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cache-Control"] = "no-store"
    return response


def _add_headers(response: Response) -> Response:
    _set_headers(response)
    if request.endpoint in _STATIC and response.status_code in (200, 206, 304):
        # Their URL changes with their content.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
