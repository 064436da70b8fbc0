"""Who may call us, and what a browser may do with our answers.

The Host header is checked before everything else, static files and missing pages included: a page of
another site could otherwise point its own name at this machine and read ours (DNS rebinding). Flask's
`TRUSTED_HOSTS` exists from 3.1 on only and cannot match ``[::1]``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from .process import ProcessSettings

__all__ = ["init_app"]

#: `data:` is for the arrows and ticks that Bootstrap's style sheet draws as inline SVG.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Register the checks. Call it before any other `before_request`."""

    def check_request() -> Response | None:
        if not _host_is_ours(process.hosts):
            return _refusal(400, "This name is not one the playground answers to; see PLAYGROUND_HOSTS.")
        if request.method not in _SAFE_METHODS and not _comes_from_us():
            return _refusal(403, "The request came from a page of another site.")
        return None

    app.before_request(check_request)
    app.after_request(_add_headers)


def _host_is_ours(hosts: frozenset[str]) -> bool:
    name = request.environ.get("HTTP_HOST", "").lower()
    head, colon, port = name.rpartition(":")
    if colon and port.isdigit():
        name = head
    return name.removesuffix(".") in hosts


def _comes_from_us() -> bool:
    """Whether a change comes from a page of ours. Both headers are optional; what is there must be right."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin)[:2] != (request.scheme, request.environ["HTTP_HOST"]):
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _refusal(status: int, text: str) -> Response:
    # Plain: a foreign name gets no page, and with it no token and no state.
    return Response(f"{text}\n", status, mimetype="text/plain")


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    # Not no-referrer: behind https the CSRF check needs it for posts.
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint in ("static", "bootstrap.static") and response.status_code == 200:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        headers["Cache-Control"] = "no-store"
    return response
