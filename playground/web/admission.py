"""Gives each request a place, from its beginning until its answer is sent, and refuses those without one.

A view says by `holds_a_download` that it needs a place of another kind. ``/healthz`` needs none.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flask import Flask, Response, current_app, make_response, render_template, request, session

from ..app_state import current_parts
from ..browser.state import browser_id
from ..store.client_address import client_network
from .request_slots import BusyError, Kind, Place

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["client_is_gone", "current_place", "holds_a_download", "init_app"]

View = TypeVar("View", bound=Callable[..., Any])

_FREE: Final = frozenset({"health.ok"})
_FILES: Final = frozenset({"static", "bootstrap.static"})

#: Where a request keeps its place.
_KEY: Final = "playground.place"

#: Seconds that a client may take for a piece of its request, or of an answer.
_PIECE_SECONDS: Final = 20.0


def holds_a_download(view: View) -> View:
    """Mark a view that passes a file of the API on."""
    view.holds_a_download = True  # type: ignore[attr-defined]
    return view


def init_app(app: Flask) -> None:
    """Register it; after the checks of who may call us, before whatever takes time."""
    app.wsgi_app = _UntilSent(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_take_place)


def current_place() -> Place:
    """The place of the current request."""
    place: Place = request.environ[_KEY][0]
    return place


def client_is_gone(environ: WSGIEnvironment) -> bool:
    """Whether the client of a request has closed its connection.

    Only Gunicorn shows its socket; with another server nobody is known to be gone, and writing to it tells.
    """
    sock: socket.socket | None = environ.get("gunicorn.socket")
    if sock is None:
        return False
    try:
        if hasattr(select, "POLLRDHUP"):
            # Says so although bytes of the client wait before the end, and with TLS as well.
            poll = select.poll()
            poll.register(sock, select.POLLRDHUP)
            return bool(poll.poll(0))
        readable, _, _ = select.select([sock], [], [], 0)
        return bool(readable) and not socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except (OSError, ValueError):  # closed
        return True


def _take_place() -> Response | None:
    kind = _kind()
    if kind is None:
        return None
    try:
        place = current_parts().places.take(
            kind, browser_id(session) or client_network(request.remote_addr or "")
        )
    except BusyError as busy:
        return _refusal(busy)
    request.environ.setdefault(_KEY, []).append(place)
    return None


def _kind() -> Kind | None:
    if request.endpoint in _FREE:
        return None
    if request.endpoint in _FILES:
        return "file"
    view = current_app.view_functions.get(request.endpoint or "")
    return "download" if getattr(view, "holds_a_download", False) else "page"


def _refusal(busy: BusyError) -> Response:
    # Without the frame of a page: what is stored of the browser may be what all are waiting for.
    code = 429 if busy.own else 503
    text = f"{busy} Nothing was done. Try again in {busy.again} s."
    answer = make_response(render_template("errors/outage.html", title="Busy", text=text, code=code), code)
    answer.headers["Retry-After"] = str(busy.again)
    return answer


class _UntilSent:
    """Lets go of a request's place when its answer is sent, or nobody wants it any more."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sock: socket.socket | None = environ.get("gunicorn.socket")
        if sock is not None:
            # A client that neither reads nor writes must not keep the thread; Gunicorn has no limit for it.
            sock.settimeout(_PIECE_SECONDS)
        held: list[Place] = []
        environ[_KEY] = held
        try:
            body = self._app(environ, start_response)
        except BaseException:
            _release(held)
            raise
        return _Body(body, held) if held else body


class _Body:
    """A response's body that holds a place until it is read to its end, closed, or thrown away."""

    def __init__(self, body: Iterable[bytes], held: list[Place]) -> None:
        self._body, self._held = body, held
        self._pieces: Iterator[bytes] = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            _release(self._held)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            _release(self._held)

    def __del__(self) -> None:
        _release(self._held)


def _release(held: list[Place]) -> None:
    while held:
        held.pop().release()
