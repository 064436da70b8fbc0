"""Admission control: each request holds a slot until its response is sent; without a free slot it is refused.

A view marked with `uses_download_slot` takes a download slot. ``/healthz`` and ``/readyz`` need no slot.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flask import Flask, Response, current_app, make_response, render_template, request, session

from ..browser.state import browser_id
from ..settings import ProcessSettings, RequestKind
from ..store.client_address import client_network
from .request_slots import NoSlotError, RequestSlot, RequestSlots

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["SLOTS", "client_disconnected", "current_slot", "init_app", "uses_download_slot"]

View = TypeVar("View", bound=Callable[..., Any])

#: Name of the process's slots in `app.extensions`.
SLOTS: Final = "playground.request_slots"

_EXEMPT: Final = frozenset({"health.ok", "health.ready"})
_FILES: Final = frozenset({"static", "bootstrap.static"})

#: Where the WSGI environment holds a request's slot.
_KEY: Final = "playground.slot"

#: Seconds a client may take to send one part of its request, or to read one part of a response.
_SOCKET_TIMEOUT: Final = 20.0


def uses_download_slot(view: View) -> View:
    """Mark a view that streams a file from the API."""
    view.uses_download_slot = True  # type: ignore[attr-defined]
    return view


def init_app(app: Flask, process: ProcessSettings) -> None:
    """Register admission control: after the access checks, before anything that takes time."""
    app.extensions[SLOTS] = RequestSlots(process.thread_counts)
    app.wsgi_app = _SlotMiddleware(app.wsgi_app)  # type: ignore[method-assign]
    app.before_request(_take_slot)


def current_slot() -> RequestSlot:
    """The slot of the current request."""
    slot: RequestSlot = request.environ[_KEY][0]
    return slot


def client_disconnected(environ: WSGIEnvironment) -> bool:
    """Whether the client of a request has closed its connection.

    Only Gunicorn exposes the socket. With another server the result is False, and writing fails instead.
    """
    sock: socket.socket | None = environ.get("gunicorn.socket")
    if sock is None:
        return False
    try:
        if hasattr(select, "POLLRDHUP"):
            # Detects a closed connection even when unread bytes precede its end, and with TLS.
            poll = select.poll()
            poll.register(sock, select.POLLRDHUP)
            return bool(poll.poll(0))
        readable, _, _ = select.select([sock], [], [], 0)
        return bool(readable) and not socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except (OSError, ValueError):  # closed
        return True


def _take_slot() -> Response | None:
    kind = _kind()
    if kind is None:
        return None
    try:
        slots: RequestSlots = current_app.extensions[SLOTS]
        slot = slots.acquire(kind, browser_id(session) or client_network(request.remote_addr or ""))
    except NoSlotError as error:
        return _refusal(error)
    request.environ.setdefault(_KEY, []).append(slot)
    return None


def _kind() -> RequestKind | None:
    if request.endpoint in _EXEMPT:
        return None
    if request.endpoint in _FILES:
        return "file"
    view = current_app.view_functions.get(request.endpoint or "")
    return "download" if getattr(view, "uses_download_slot", False) else "page"


def _refusal(error: NoSlotError) -> Response:
    # Without the page layout: it reads the browser's state, for which other requests may be waiting.
    code = 429 if error.own_limit else 503
    text = f"{error} Nothing was done. Try again in {error.retry_after} s."
    response = make_response(render_template("errors/outage.html", title="Busy", text=text, code=code), code)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


class _SlotMiddleware:
    """Releases a request's slot when its response is sent, or its client has disconnected."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sock: socket.socket | None = environ.get("gunicorn.socket")
        if sock is not None:
            # A client that neither reads nor writes must not block the thread; Gunicorn has no limit for
            # that.
            sock.settimeout(_SOCKET_TIMEOUT)
        held: list[RequestSlot] = []
        environ[_KEY] = held
        try:
            body = self._app(environ, start_response)
        except BaseException:
            _release(held)
            raise
        return _Body(body, held) if held else body


class _Body:
    """A response body that holds a slot until it is exhausted, closed, or garbage collected."""

    def __init__(self, body: Iterable[bytes], held: list[RequestSlot]) -> None:
        self._body, self._held = body, held
        self._chunks: Iterator[bytes] = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
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


def _release(held: list[RequestSlot]) -> None:
    while held:
        held.pop().release()
