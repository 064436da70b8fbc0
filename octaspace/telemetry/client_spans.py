"""Spans: one for each call, with its attempts as events."""

from __future__ import annotations

from contextvars import Token
from typing import Final

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider

from ..errors import Error
from ..observer import AttemptFinished, CallFinished, CallStarted
from ..request import Request
from .attributes import (
    SCHEMA_URL,
    SCOPE_NAME,
    SCOPE_VERSION,
    AttributeValue,
    attempt_error_type,
    error_type,
    request_attributes,
    server_attributes,
)

__all__ = ["ATTEMPT_EVENT", "ClientSpans"]

#: Name of the event of an attempt.
ATTEMPT_EVENT: Final = "octaspace.attempt"


class ClientSpans:
    """Starts and ends the spans of calls. Safe to share between threads.

    Args:
        provider: Where they are created; None for the global provider.
    """

    def __init__(self, provider: TracerProvider | None) -> None:
        self._tracer = trace.get_tracer(SCOPE_NAME, SCOPE_VERSION, provider, SCHEMA_URL)
        self._running: dict[int, _RunningSpan] = {}  # by number of the call

    def call_started(self, event: CallStarted) -> None:
        """Start a span and make it current.

        Args:
            event: The event.
        """
        attributes = request_attributes(event.request)
        name = attributes.get("octaspace.operation") or attributes["http.request.method"]
        span = self._tracer.start_span(f"octaspace {name}", kind=SpanKind.INTERNAL, attributes=attributes)
        # Without an SDK, an invalid span would hide the span context that the program has received.
        if span.get_span_context().is_valid:
            # Known before it is current, so that an interrupt in between leaves no span that never ends.
            running = self._running[event.call_id] = _RunningSpan(span)
            running.token = context.attach(trace.set_span_in_context(span))

    def attempt_finished(self, event: AttemptFinished) -> None:
        """Add the event of an attempt.

        Args:
            event: The event.
        """
        running = self._running.get(event.call_id)
        if running is None or not running.span.is_recording():
            return
        running.request_id = event.request_id
        running.span.add_event(ATTEMPT_EVENT, _attempt_attributes(event))

    def call_finished(self, event: CallFinished) -> None:
        """End the span of a call; the span that was current before is current again.

        Args:
            event: The event.
        """
        running = self._running.pop(event.call_id, None)
        if running is None:
            return
        try:
            if running.token is not None:
                context.detach(running.token)
            if running.span.is_recording():
                running.span.set_attributes(_call_attributes(event, running.request_id))
                if event.error is not None:
                    running.span.set_status(StatusCode.ERROR, _description(event.error))
        finally:
            running.span.end()


class _RunningSpan:
    """The span of a call.

    Attributes:
        span: The span.
        token: Restores the context before it; None until it is current.
        request_id: The API's id of the last attempt, or None.
    """

    __slots__ = ("request_id", "span", "token")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.token: Token[context.Context] | None = None
        self.request_id: str | None = None


def _attempt_attributes(event: AttemptFinished) -> dict[str, AttributeValue]:
    return _present({
        **server_attributes(event.endpoint),
        "octaspace.endpoint": event.endpoint,
        "octaspace.attempt.number": event.number,
        "octaspace.duration": event.elapsed,
        "octaspace.verdict": event.verdict,
        "octaspace.wait": event.wait,
        "octaspace.connection": event.connection,
        "octaspace.connection_wait": event.connection_wait,
        "octaspace.cooldown": event.cooldown,
        "octaspace.timeout_phase": event.phase,
        "octaspace.reason": event.reason,
        "octaspace.request_id": event.request_id,
        "http.response.status_code": event.status,
        "error.type": attempt_error_type(event.status, event.error),
    })  # fmt: skip


def _call_attributes(event: CallFinished, request_id: str | None) -> dict[str, AttributeValue]:
    return _present({
        **({} if event.endpoint is None else server_attributes(event.endpoint)),
        "http.request.method_original": _original_method(event.request),
        "http.request.resend_count": event.attempts - 1 if event.attempts > 1 else None,
        "http.response.status_code": event.status,
        "error.type": None if event.error is None else error_type(event.error),
        "octaspace.attempts": event.attempts,
        "octaspace.retries": event.retries,
        "octaspace.failovers": event.failovers,
        "octaspace.outcome_unknown": event.outcome_unknown,
        "octaspace.request_id": request_id,
        "octaspace.cache": event.cache,
    })  # fmt: skip


def _original_method(request: Request) -> str | None:
    known = request_attributes(request)["http.request.method"] == request.method
    return None if known else request.method


def _present(attributes: dict[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}


def _description(error: BaseException) -> str:
    """The message of an error of the SDK, whose key is masked; of any other one the class only."""
    return str(error) if isinstance(error, Error) else type(error).__qualname__
