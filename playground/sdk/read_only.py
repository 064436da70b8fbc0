"""Read-only guard: a call that would change something is stopped before it is sent.

It checks each request, so it does not depend on a list of methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask

from flask_octaspace import octaspace_request
from flask_octaspace.calls import ChangeRefusedError
from octaspace import Client, Request

__all__ = ["ChangeStoppedError", "init_app", "reading_only"]

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


def init_app(app: Flask) -> None:
    """Check the app's calls."""
    octaspace_request.connect(_check, sender=app)


def _check(app: Flask, *, client: Client, request: Request, **_: Any) -> None:
    if _reading.get() and not request.is_read:
        raise ChangeStoppedError(f"{request.method} {request.path} changes something; nothing was sent")
