"""Records each SDK call and its attempts.

The extension's signals report calls, and the SDK's log reports attempts. Both arrive in the thread of the
call, so a context variable identifies the recording.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask

from flask_octaspace import octaspace_error, octaspace_request, octaspace_response
from octaspace import Client, Error, Request, Response

from .redaction import WITHHELD, answer_is_secret, without_secrets

__all__ = ["Call", "RecordedCalls", "init_app", "record_calls", "record_late_errors"]

#: Maximum size of an answer that is kept in the log.
_MAX_ANSWER_BYTES: Final = 64 * 1024

#: For a method that polls: maximum number of calls that are kept, and bytes of their answers.
_MAX_CALLS: Final = 50
_MAX_TOTAL_BYTES: Final = 2 * 1024 * 1024

#: Maximum number of attempts that are kept of one call.
_MAX_ATTEMPTS: Final = 200


@dataclass
class Call:
    """One call of the SDK, from its first attempt to its last.

    Attributes:
        request: The request.
        at: Start time, seconds since 1970.
        attempts: Fields of the SDK's attempt lines, plus `start`: seconds since the start of the call.
        response: The final answer, or None.
        error: The error that ended it, or None.
        elapsed: Total seconds.
        in_use: Pool connections in use at its start, its own included; None without a pool.
    """

    request: Request
    at: float
    began: float
    attempts: list[dict[str, Any]] = field(default_factory=list)
    response: Response[Any] | None = None
    error: Error | None = None
    elapsed: float = 0.0
    in_use: int | None = None

    @property
    def endpoint(self) -> str:
        """Endpoint of the last attempt; empty when there was none."""
        return str(self.attempts[-1]["url"]) if self.attempts else ""

    @property
    def status(self) -> int | None:
        return None if self.response is None else self.response.status

    @property
    def request_id(self) -> str | None:
        return None if self.response is None else self.response.request_id

    def row(self, *, source: str, page: str, line: str) -> dict[str, Any]:
        """The call as a row of the request log, without keys and secrets."""
        request, response = self.request, self.response
        return {
            "at": self.at,
            "source": source,
            "page": page,
            "line": line,
            "method": request.method,
            "path": request.path,
            "status": self.status,
            "error": None if self.error is None else type(self.error).__name__,
            "elapsed": self.elapsed,
            "attempts": len(self.attempts),
            "endpoint": self.endpoint,
            "request_id": self.request_id,
            "in_use": self.in_use,
            "detail": {
                "params": dict(request.params),
                "body": without_secrets(request.body),
                "public": request.public,
                "expects": request.expects,
                "repeatable": request.is_read,
                "message": None if self.error is None else str(self.error),
                "headers": {} if response is None else _headers(response),
                "answer": _answer(self),
                "size": 0 if response is None else len(response.body),
                "attempts": self.attempts,
            },
        }


class RecordedCalls(list[Call]):
    """The latest calls; older ones are removed with their answers.

    Attributes:
        total: Number of all calls.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, call: Call) -> None:
        """Add a call at its start."""
        self.total += 1
        super().append(call)
        while len(self) > _MAX_CALLS or sum(map(_size, self)) > _MAX_TOTAL_BYTES:
            del self[0]


def _size(call: Call) -> int:
    return 0 if call.response is None else len(call.response.body)


_current: ContextVar[RecordedCalls | None] = ContextVar("playground_calls", default=None)


@contextmanager
def record_calls() -> Iterator[RecordedCalls]:
    """Record the calls of this context; the list grows while they run."""
    calls = RecordedCalls()
    token = _current.set(calls)
    try:
        yield calls
    finally:
        _current.reset(token)


@contextmanager
def record_late_errors() -> Iterator[None]:
    """Record errors that the SDK raises for an answer it has received: a creation without an id (Q19)."""
    try:
        yield
    except Error as error:
        calls = _current.get()
        if calls and calls[-1].error is None and calls[-1].response is error.response:
            calls[-1].error = error
        raise


def init_app(app: Flask, log: logging.Logger) -> None:
    """Connect to the app's signals and to the SDK's log."""
    octaspace_request.connect(_on_request, sender=app)
    octaspace_response.connect(_on_response, sender=app)
    octaspace_error.connect(_on_error, sender=app)
    if not any(isinstance(handler, _AttemptHandler) for handler in log.handlers):
        log.addHandler(_AttemptHandler())


class _AttemptHandler(logging.Handler):
    """Reads the structured fields of each attempt's log line."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "octaspace_attempt", None)
        calls = _current.get()
        if fields is None or not calls or len(calls[-1].attempts) >= _MAX_ATTEMPTS:
            return
        call = calls[-1]
        start = max(0.0, time.monotonic() - call.began - fields["elapsed"])
        call.attempts.append({**fields, "start": start})


def _on_request(app: Flask, *, client: Client, request: Request, **_: Any) -> None:
    calls = _current.get()
    if calls is not None:
        calls.append(Call(request, time.time(), time.monotonic(), in_use=_sockets_in_use(client)))


def _on_response(app: Flask, *, response: Response[Any], **_: Any) -> None:
    calls = _current.get()
    if calls:
        calls[-1].response = response
        calls[-1].elapsed = time.monotonic() - calls[-1].began


def _on_error(app: Flask, *, error: Error, **_: Any) -> None:
    calls = _current.get()
    if calls:
        calls[-1].error = error
        calls[-1].elapsed = time.monotonic() - calls[-1].began


def _sockets_in_use(client: Client) -> int | None:
    stats = client.transport_stats()
    if "pools" not in stats:
        return None
    return 1 + sum(int(pool["in_use"]) for pool in stats["pools"].values())


def _headers(response: Response[Any]) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.lower() != "set-cookie"}


def _answer(call: Call) -> Any:
    """The answer's body for the log: JSON without secrets, text, or a note why it is not kept."""
    response = call.response
    if response is None or (not response.body and response.data is None):
        return None
    if answer_is_secret(call.request.method, call.request.path):
        return WITHHELD
    if len(response.body) > _MAX_ANSWER_BYTES:
        return f"(not kept: {len(response.body)} bytes are more than the {_MAX_ANSWER_BYTES} the log keeps)"
    if isinstance(response.data, bytes):
        return response.text
    return without_secrets(response.data)
