"""Clients of an app: they send signals, and can be limited to an app context."""

from __future__ import annotations

import weakref
from typing import Any, Protocol

from flask import Flask

import octaspace
from octaspace import Config, ConfigurationError, Request, Response
from octaspace._typing import Self
from octaspace.request import BodySink
from octaspace.transport import Transport

from .signal_observer import SignalObserver

__all__ = ["AppClient", "ContextClient", "ContextLifetime", "MaskedClient"]


class AppClient(octaspace.Client):
    """An `octaspace.Client` that sends the signals of this package for each call."""

    _app: weakref.ref[Flask]

    @property
    def app(self) -> Flask | None:
        """The app; None when it no longer exists."""
        return self._app()

    @classmethod
    def for_app(cls, app: Flask, config: Config) -> Self:
        """Create a client that sends its signals as `app`. It holds only a weak reference to the app."""
        client = cls.from_config(config)
        client._app = weakref.ref(app)
        return client

    @property
    def closed(self) -> bool:
        """Whether it was closed; the app then creates a new one."""
        return self._transport.closed

    def _set_up(self, transport: Transport) -> None:
        super()._set_up(transport)
        transport.add_observer(SignalObserver(self))


class MaskedClient(AppClient):
    """A client for tools that display, store or export answers of the API: none of them contains the key.

    An API may repeat the key. It is masked in every decoded answer: in data, body, header fields and errors.
    See `octaspace.key_mask`.
    """

    def masking(self, key: str | None) -> Self:
        """Mask another key as well, in this client and its copies.

        Args:
            key: A key that the same endpoints may have received; None adds nothing.
        """
        self._transport.mask = self._transport.mask.with_key(key)
        return self

    def _set_up(self, transport: Transport) -> None:
        super()._set_up(transport)
        transport.masks_answers = True


class ContextLifetime(Protocol):
    """Whether the app context of a client is still open."""

    @property
    def is_open(self) -> bool:
        """Whether the context is open."""
        ...

    def allows_calls(self) -> bool:
        """Whether a call may be sent."""
        ...


class ContextClient(AppClient):
    """A client that works while its app context is open.

    The end of the context cannot simply close it: Flask tears down the context of a streamed response before
    the first chunk, and pushes the same context again for the generator. The end therefore closes the
    sockets, and the lifetime decides whether a later call may open new ones, and keep them.
    """

    #: Weak, because the lifetime refers to the client: without a cycle, a dropped context is freed at once.
    _lifetime: weakref.ref[ContextLifetime]

    @classmethod
    def for_context(cls, app: Flask, config: Config, lifetime: ContextLifetime) -> Self:
        """Create a client that makes calls only while `lifetime` allows them."""
        client = cls.for_app(app, config)
        client._lifetime = weakref.ref(lifetime)
        return client

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`; raises `ConfigurationError` after the end of the app context."""
        lifetime = self._lifetime()
        if lifetime is None or not lifetime.allows_calls():
            raise ConfigurationError(
                "the client is closed: it belonged to an app context that is over; get a new one in the "
                "current context (wrap a streaming generator in stream_with_context)"
            )
        try:
            return super().send(request, timeout=timeout, sink=sink)
        finally:
            if not lifetime.is_open:  # no later teardown would close the socket of this call
                self.release()

    def release(self) -> None:
        """Close every socket; a socket in use is closed when its call ends."""
        self._transport.pools.reset()
