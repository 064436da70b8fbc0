"""The event of an attempt, for observers and for the log line."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..key_mask import KeyMask
from ..observer import AttemptFinished, AttemptVerdict
from ..request import Request
from .failures import Answer, Failure

__all__ = ["attempt_event", "request_without_key"]


def attempt_event(
    result: Answer | Failure,
    *,
    call_id: int,
    request: Request,
    mask: KeyMask,
    number: int,
    endpoint: str,
    start: float,
    elapsed: float,
    verdict: AttemptVerdict,
    wait: float,
    cooldown: float | None,
) -> AttemptFinished:
    """Create the event of an attempt; the key is masked.

    Args:
        result: The result of the attempt.
        call_id: Number of the call.
        request: The request, without the key.
        mask: Masks the key, which the server may repeat.
        number: Number of the attempt in the call, from 1.
        endpoint: URL of the endpoint.
        start: Seconds from the start of the call.
        elapsed: Duration in seconds.
        verdict: What follows.
        wait: Seconds until the next attempt.
        cooldown: Seconds for which the endpoint is skipped, or None.
    """

    def masked(text: str | None) -> str | None:
        return None if text is None else mask.text(text)

    trace = result.trace
    status: int | None = None
    error: Literal["ConnectionError", "TimeoutError"] | None = None
    request_id = phase = reason = proxy = None
    if isinstance(result, Answer):
        status, request_id = result.status, masked(result.headers.get("X-Request-Id"))
    else:
        error = "TimeoutError" if result.phase else "ConnectionError"
        phase, reason, proxy = result.phase, masked(result.reason), masked(result.proxy)
    return AttemptFinished(
        call_id=call_id,
        request=request,
        number=number,
        endpoint=mask.text(endpoint),
        start=start,
        elapsed=elapsed,
        status=status,
        error=error,
        phase=phase,
        reason=reason,
        request_id=request_id,
        proxy=proxy,
        verdict=verdict,
        wait=wait,
        cooldown=cooldown,
        connection=result.connection,
        connection_wait=0.0 if trace is None else trace.connection_wait,
        connections_in_use=None if trace is None else trace.connections_in_use,
    )


def request_without_key(request: Request, mask: KeyMask) -> Request:
    """The same request, or a copy in which the key is masked.

    Args:
        request: The request.
        mask: Masks the key.
    """
    path, params = mask.text(request.path), request.params
    if path[:1] != "/":
        path = f"/{path}"
    if params:
        params = mask.data(params)
    body = None if request.body is None else mask.data(request.body)
    if path is request.path and params is request.params and body is None:
        return request
    return replace(request, path=path, params=params, body=body)
