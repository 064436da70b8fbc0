"""Access checks, limits of requests, and security headers of responses.

The Host header is checked before everything else, static files and missing pages included: otherwise another
site could point its host name at this machine and read the pages (DNS rebinding). Flask's `TRUSTED_HOSTS`
exists only since 3.1 and cannot match ``[::1]``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, Request, Response, request

from ..settings import ProcessSettings
from .site_check import SiteProblem, host_problem, origin_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["init_app"]

_log = logging.getLogger("playground.security")

#: `data:` is for the inline SVG icons of Bootstrap's style sheet.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

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

    def check_origin() -> Response | None:
        problem = origin_problem(request.environ, process.hosts)
        return None if problem is None else _refuse(request.environ, problem)

    app.before_request(check_origin)
    app.after_request(_add_headers)


class _HostCheck:
    """Refuses unknown host names. It runs outside of Flask, which fails on some invalid names."""

    def __init__(self, app: WSGIApplication, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        problem = host_problem(environ, self._hosts)
        if problem is None:
            return self._app(environ, start_response)
        return _set_headers(_refuse(environ, problem))(environ, start_response)


def _refuse(environ: WSGIEnvironment, problem: SiteProblem) -> Response:
    _log.warning("Refused %s %s: %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), problem.reason)
    # Plain text: an unknown host name must not get a page with a token or state.
    return Response(f"{problem.text}\n", problem.status, mimetype="text/plain")


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
