"""The observer that sends the signals of an app."""

from __future__ import annotations

import weakref
from typing import Protocol

from blinker import NamedSignal
from flask import Flask

import octaspace
from octaspace import AttemptFinished, CallFinished, CallStarted

from .signals import octaspace_error, octaspace_request, octaspace_response

__all__ = ["SignalObserver"]


class _ClientOfApp(Protocol):
    """A client that belongs to an app."""

    @property
    def app(self) -> Flask | None: ...


class SignalObserver(octaspace.Observer):
    """Sends the signals of this package for each call of a client.

    Args:
        client: The client; a weak reference, because the client owns the observer.
    """

    def __init__(self, client: _ClientOfApp) -> None:
        self._client = weakref.ref(client)

    def call_started(self, event: CallStarted) -> None:
        """Send `octaspace_request`."""
        self._send(octaspace_request, request=event.request)

    def attempt_finished(self, event: AttemptFinished) -> None:
        """Do nothing: signals are about calls."""

    def call_finished(self, event: CallFinished) -> None:
        """Send `octaspace_response` and `octaspace_error`; each also if a receiver of the other raises."""
        try:
            if event.status is not None and octaspace_response.receivers:
                self._send(octaspace_response, request=event.request, response=event.response)
        finally:
            if isinstance(event.error, octaspace.Error):
                self._send(octaspace_error, request=event.request, error=event.error)

    def _send(self, signal: NamedSignal, **arguments: object) -> None:
        client = self._client()
        app = None if client is None else client.app
        if app is not None and signal.receivers:
            signal.send(app, _async_wrapper=app.ensure_sync, client=client, **arguments)
