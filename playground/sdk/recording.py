"""Records each SDK call and its attempts.

`CallRecorder` is an observer of every client of the playground. A call ends in the thread in which it began,
so a context variable identifies the recording.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from octaspace import (
    AttemptFinished,
    CallFinished,
    CallStarted,
    Error,
    Observer,
    Request,
    Response,
    UnexpectedShapeError,
)
from octaspace.observer import CacheResult

from .redaction import WITHHELD, answer_is_secret, without_secrets

__all__ = ["Call", "CallRecorder", "RecordedCalls", "record_calls"]

#: Maximum size of an answer that is kept in the log.
_MAX_ANSWER_BYTES: Final = 64 * 1024

#: For a method that polls: maximum number of calls that are kept, and bytes of their answers.
_MAX_CALLS: Final = 50
_MAX_TOTAL_BYTES: Final = 2 * 1024 * 1024

#: Maximum number of attempts that are kept of one call.
_MAX_ATTEMPTS: Final = 200

#: What is kept of an attempt: fields of `octaspace.AttemptFinished`.
_ATTEMPT_FIELDS: Final = (
    "number", "endpoint", "start", "elapsed", "status", "error", "phase", "reason", "request_id", "proxy",
    "verdict", "wait", "cooldown", "connection", "connection_wait", "connections_in_use",
)  # fmt: skip


@dataclass
class Call:
    """One call of the SDK, from its first attempt to its last.

    Attributes:
        request: The request.
        at: Start time, seconds since 1970.
        began: Start time on the monotonic clock.
        id: Its number in the events.
        attempts: The fields of `octaspace.AttemptFinished` of each.
        response: The final answer, or None.
        error: The error that ended it, or None.
        elapsed: Total seconds.
        retries: Number of waits before another attempt.
        failovers: Number of attempts at another endpoint because one had failed.
        cache: How the cache answered; None for a call that does not use it.
    """

    request: Request
    at: float
    began: float
    id: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)
    response: Response[Any] | None = None
    error: Error | None = None
    elapsed: float = 0.0
    retries: int = 0
    failovers: int = 0
    cache: CacheResult | None = None

    @property
    def endpoint(self) -> str:
        """Endpoint of the last attempt; empty when there was none."""
        return str(self.attempts[-1]["endpoint"]) if self.attempts else ""

    @property
    def address(self) -> str:
        """The endpoint that sent the answer, also one from the cache; without an answer as `endpoint`."""
        if self.response is None or not self.response.url.endswith(self.request.path):
            return self.endpoint
        return self.response.url[: -len(self.request.path)]

    @property
    def in_use(self) -> int | None:
        """Connections of the endpoint in use when it began, its own included; None without a pool."""
        value: int | None = self.attempts[0]["connections_in_use"] if self.attempts else None
        return value

    @property
    def status(self) -> int | None:
        return None if self.response is None else self.response.status

    @property
    def request_id(self) -> str | None:
        return None if self.response is None else self.response.request_id

    def row(self, *, target: str, source: str, page: str, line: str) -> dict[str, Any]:
        """The call as a row of the request log, without keys and secrets.

        Args:
            target: Label of the API target.
            source: What made the call; see `playground.store.CallSource`.
            page: Page that made it, or the page of its job.
            line: Its Python line, without secrets.
        """
        request, response = self.request, self.response
        return {
            "at": self.at,
            "target": target,
            "source": source,
            "page": page,
            "line": line,
            "method": request.method,
            "path": request.path,
            "status": self.status,
            "error": None if self.error is None else type(self.error).__name__,
            "elapsed": self.elapsed,
            "attempts": len(self.attempts),
            "retries": self.retries,
            "failovers": self.failovers,
            "endpoint": self.endpoint,
            "address": self.address,
            "request_id": self.request_id,
            "in_use": self.in_use,
            "cache": self.cache,
            "detail": {
                "age": 0.0 if response is None else response.age,
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

    def find(self, id: int) -> Call | None:
        """The call with this number, or None when it is not kept."""
        return next((call for call in reversed(self) if call.id == id), None)

    def mark_unreadable(self, error: UnexpectedShapeError) -> None:
        """Record that the answer of the last call has a shape that the caller could not read."""
        if self and self[-1].error is None:
            self[-1].error = error


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


@dataclass(frozen=True)
class CallRecorder(Observer):
    """Records the calls of its clients in the recording of the current context, if there is one.

    It has no state: all of them are equal, so configurations with one are equal as well.
    """

    def call_started(self, event: CallStarted) -> None:
        """Add the call."""
        calls = _current.get()
        if calls is not None:
            calls.append(Call(event.request, time.time(), time.monotonic(), event.call_id))

    def attempt_finished(self, event: AttemptFinished) -> None:
        """Add the attempt to its call."""
        call = _find(event.call_id)
        if call is not None and len(call.attempts) < _MAX_ATTEMPTS:
            call.attempts.append({name: getattr(event, name) for name in _ATTEMPT_FIELDS})

    def call_finished(self, event: CallFinished) -> None:
        """Add the result to the call."""
        call = _find(event.call_id)
        if call is not None:
            call.response, call.elapsed, call.cache = event.response, event.elapsed, event.cache
            call.retries, call.failovers = event.retries, event.failovers
            call.error = event.error if isinstance(event.error, Error) else None


def _find(id: int) -> Call | None:
    calls = _current.get()
    return None if calls is None else calls.find(id)


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
