"""Who may call us, how much, and what a browser may do with our answers.

The Host header is checked before everything else, static files and missing pages included: a page of
another site could otherwise point its own name at this machine and read ours (DNS rebinding). Flask's
`TRUSTED_HOSTS` exists from 3.1 on only and cannot match ``[::1]``.
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

#: `data:` is for the arrows and ticks that Bootstrap's style sheet draws as inline SVG.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STATIC: Final = frozenset({"static", "bootstrap.static"})

#: Largest body of a request, in bytes, and parts of a form.
_MAX_BYTES: Final = 256 * 1024
_MAX_PARTS: Final = 200


class BoundedRequest(Request):
    """A request with limits. Flask reads them from its configuration only from 3.1 on."""

    max_content_length = _MAX_BYTES
    max_form_memory_size = _MAX_BYTES
    max_form_parts = _MAX_PARTS


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Register the checks. Call it before any other `before_request`, and before `behind_proxies`."""
    app.request_class = BoundedRequest
    app.wsgi_app = _OurNames(app.wsgi_app, process.hosts)  # type: ignore[method-assign]
    app.before_request(_check_origin)
    app.after_request(_add_headers)


class _OurNames:
    """Lets requests under our names through; outside of Flask, which stumbles over some of the others."""

    def __init__(self, app: WSGIApplication, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._is_ours(environ.get("HTTP_HOST", "").lower()):
            return self._app(environ, start_response)
        answer = _refusal(400, "This name is not one the playground answers to; see PLAYGROUND_HOSTS.")
        return _guard(answer)(environ, start_response)

    def _is_ours(self, name: str) -> bool:
        head, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = head
        return name.removesuffix(".") in self._hosts


def _check_origin() -> Response | None:
    return None if _comes_from_us() else _refusal(403, "The request came from a page of another site.")


def _comes_from_us() -> bool:
    """Whether a request comes from a page of ours. Both headers are optional; what is there must be right.

    Other sites may lead here by a link. What they load in the background would make calls with the
    cookie of whoever looks at them, and what they post would change something.
    """
    where = request.headers.get("Sec-Fetch-Site", "same-origin")
    if where not in ("same-origin", "none"):
        leads_here = request.headers.get("Sec-Fetch-Mode") == "navigate"
        return request.method == "GET" and leads_here and request.headers.get("Sec-Fetch-Dest") == "document"
    origin = request.headers.get("Origin")
    if request.method in _SAFE_METHODS or origin is None:
        return True
    return urlsplit(origin)[:2] == (request.scheme, request.environ["HTTP_HOST"])


def _refusal(status: int, text: str) -> Response:
    # Plain: a foreign name gets no page, and with it no token and no state.
    return Response(f"{text}\n", status, mimetype="text/plain")


def _guard(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: behind https the CSRF check needs it for posts.
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cache-Control"] = "no-store"
    return response


def _add_headers(response: Response) -> Response:
    _guard(response)
    if request.endpoint in _STATIC and response.status_code in (200, 206, 304):
        # Their address changes with what is in them.
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
