"""Read-only guard: a call that would change something is stopped before it is sent.

The client checks each request, so it does not depend on a list of methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask_octaspace.calls import ChangeRefusedError
from flask_octaspace.client import MaskedClient
from octaspace import Request, Response
from octaspace.request import BodySink

__all__ = ["ChangeStoppedError", "GuardedClient", "reading_only"]

_reading: ContextVar[bool] = ContextVar("playground_reading_only", default=False)


class ChangeStoppedError(ChangeRefusedError):
    """The call would have changed something in a read-only context. Nothing was sent."""


@contextmanager
def reading_only() -> Iterator[None]:
    """Allow only reads in this context."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


class GuardedClient(MaskedClient):
    """A client of the playground: inside `reading_only` it sends only reads.

    Its answers never contain the key.
    """

    def send(
        self, request: Request, *, timeout: float | None = None, sink: BodySink | None = None
    ) -> Response[Any]:
        """See `octaspace.Client.send`.

        Raises:
            ChangeStoppedError: The request would change something, and the context allows only reads.
        """
        if _reading.get() and not request.is_read:
            raise ChangeStoppedError(f"{request.method} {request.path} changes something; nothing was sent")
        return super().send(request, timeout=timeout, sink=sink)
