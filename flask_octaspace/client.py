"""The clients an app is given: they send signals, and know whose they are."""

from __future__ import annotations

import weakref
from typing import Any, Protocol

from blinker import NamedSignal
from flask import Flask

import octaspace
from octaspace import Config, ConfigurationError, Request, Response
from octaspace._typing import Self
from octaspace.request import BodySink

from .signals import octaspace_error, octaspace_request, octaspace_response

__all__ = ["AppClient", "ContextClient", "ContextLifetime", "MaskedClient"]


class AppClient(octaspace.Client):
    """An `octaspace.Client` whose calls an app hears of through the signals of this package."""

    _app: weakref.ref[Flask]

    @classmethod
    def for_app(cls, app: Flask, config: Config) -> Self:
        """Make a client that sends its signals as `app`, and does not keep the app alive."""
        client = cls.from_config(config)
        client._app = weakref.ref(app)
        return client

    @property
    def closed(self) -> bool:
        """Whether somebody closed it; the app then makes a new one."""
        return self._transport.closed

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`; sends the signals around it."""
        self._emit(octaspace_request, request=request)
        try:
            response = self._carry(request, timeout=timeout, sink=sink)
        except octaspace.Error as error:
            if error.response is not None:
                self._emit(octaspace_response, request=request, response=error.response)
            self._emit(octaspace_error, request=request, error=error)
            raise
        self._emit(octaspace_response, request=request, response=response)
        return response

    def _carry(self, request: Request, *, timeout: float | None, sink: BodySink | None) -> Response[Any]:
        return super().send(request, timeout=timeout, sink=sink)

    def _emit(self, signal: NamedSignal, **arguments: object) -> None:
        app = self._app()
        if app is not None and signal.receivers:
            signal.send(app, _async_wrapper=app.ensure_sync, client=self, **arguments)


class MaskedClient(AppClient):
    """A client for tools that show, keep or export what the API says: no answer of it holds the key.

    An API may repeat what it was sent. The key is masked here, where every answer comes in, once it is
    decoded: in its data, its body, its header fields and in errors. See `octaspace.key_mask`.
    """

    def masking(self, key: str | None) -> Self:
        """Have this client and its copies mask one more key, which the same endpoints may have seen.

        Args:
            key: The key; None adds nothing.
        """
        self._transport.mask = self._transport.mask.with_key(key)
        return self

    def _carry(self, request: Request, *, timeout: float | None, sink: BodySink | None) -> Response[Any]:
        return self._transport.mask.response(super()._carry(request, timeout=timeout, sink=sink))


class ContextLifetime(Protocol):
    """What a context's client goes by."""

    @property
    def is_open(self) -> bool:
        """Whether the context goes on."""
        ...

    def allows_calls(self) -> bool:
        """Whether a call may be sent."""
        ...


class ContextClient(AppClient):
    """A client that works as long as its app context.

    Its end cannot simply close it: Flask tears the context of a streamed response down before the
    first chunk and pushes the same context again for the generator. So the end takes its sockets
    away, and the lease says whether a later call may open new ones, and keep them.
    """

    #: Weak, because the lease holds the client: without a cycle a forgotten context is freed at once.
    _lease: weakref.ref[ContextLifetime]

    @classmethod
    def for_context(cls, app: Flask, config: Config, lease: ContextLifetime) -> Self:
        """Make a client that goes by `lease`."""
        client = cls.for_app(app, config)
        client._lease = weakref.ref(lease)
        return client

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`; refused when the app context is over."""
        lease = self._lease()
        if lease is None or not lease.allows_calls():
            raise ConfigurationError(
                "the client is closed: it belonged to an app context that is over; ask for a new one in "
                "the context that needs it (wrap a streaming generator in stream_with_context)"
            )
        try:
            return super().send(request, timeout=timeout, sink=sink)
        finally:
            if not lease.is_open:  # no other teardown may come for the socket that this call left
                self.release()

    def release(self) -> None:
        """Close every socket; those in use when their call ends."""
        self._transport.pools.reset()
