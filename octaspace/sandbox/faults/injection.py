"""What each kind of fault does to a connection and to an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from ..http.wire import Request, Response
from .kinds import Fault

_HTML = b"<!DOCTYPE html>\n<html><head><title>%s</title></head><body><h1>%s</h1><p>nginx</p></body></html>\n"
_WORDS = {
    401: ("unauthorized", "Invalid API key"),
    403: ("forbidden", "Not allowed"),
    404: ("not found", "No such thing"),
    408: ("request timeout", "The request took too long"),
    422: ("unprocessable", "The request's content is wrong"),
    429: ("rate limit exceeded", "Too many requests"),
    500: ("internal error", "Something went wrong"),
    502: ("bad gateway", "Bad Gateway"),
    503: ("service unavailable", "Try again later"),
    504: ("gateway timeout", "Gateway Timeout"),
}


class FaultTarget(Protocol):
    """What a fault may do to a connection."""

    def send(self, response: Response, keep_alive: bool) -> bool:
        """Send the whole answer; whether the connection may be used again."""
        ...

    def send_part(self, response: Response, part: bytes) -> None:
        """Send the head of an answer and only `part` of its body."""
        ...

    def send_slowly(self, response: Response, keep_alive: bool, fault: Fault) -> bool:
        """Like `send`, in small pieces over the seconds of `fault`; removing it sends the rest at once."""
        ...

    def hold(self, fault: Fault) -> None:
        """Send nothing until the fault is removed, the client disconnects or the server stops."""
        ...

    def reset(self) -> None:
        """Reset the connection (RST)."""
        ...


def apply_fault(
    fault: Fault,
    connection: FaultTarget,
    request: Request,
    carry_out: Callable[[], Response],
    note: Callable[[int | None], None],
) -> bool:
    """Apply `fault` to one request.

    Args:
        fault: The fault.
        connection: Where the answer goes.
        request: The request.
        carry_out: Carries the request out and returns the real answer.
        note: Records the status in the journal (None: no status line), before anything is sent.

    Returns:
        Whether the connection may be used again.
    """
    if fault.kind in ("stall", "drop_after_read", "reset"):
        if fault.carry_out:
            carry_out()
        note(None)
        if fault.kind == "stall":
            connection.hold(fault)
        elif fault.kind == "reset":
            connection.reset()
        return False
    if fault.kind in ("status", "rate_limit"):
        if fault.carry_out:
            carry_out()
        answer = _without_body_for_head(request, _error(fault))
    elif fault.kind in ("garbage", "html"):
        answer = _without_body_for_head(request, _unusable_answer(fault.kind, carry_out()))
    else:
        answer = carry_out()
    note(answer.status)
    if fault.kind in ("truncate", "stall_body"):
        # Announce at least two bytes, so that an empty body can be cut short too.
        answer.announced = max(len(answer.body), 2)
        connection.send_part(answer, answer.body[: len(answer.body) // 2])
        if fault.kind == "stall_body":
            connection.hold(fault)
        return False
    if fault.kind == "drip":
        return connection.send_slowly(answer, request.keep_alive, fault)
    kept = connection.send(answer, request.keep_alive)
    return kept and fault.kind != "close_after"


def _without_body_for_head(request: Request, answer: Response) -> Response:
    """The answer without its body for HEAD."""
    if request.method == "HEAD":
        answer.announced, answer.body = len(answer.body), b""
    return answer


def _error(fault: Fault) -> Response:
    status, wait = fault.status, fault.retry_after
    if fault.kind == "rate_limit":
        status, wait = 429, 1.0 if wait is None else wait
    headers: list[tuple[str, str]] = []
    if wait is not None:
        # By the machine's clock, which the client reads too; the world's clock may stand still.
        text = formatdate(time.time() + wait, usegmt=True) if fault.retry_after_date else f"{wait:g}"
        headers.append(("Retry-After", text))
    # A gateway in front answers for itself, in HTML (Q16).
    shape = fault.body or ("html" if status in (502, 504) else "json")
    if shape == "empty" or status == 304:
        return Response(status, headers)
    error, message = _WORDS.get(status, ("failed", f"Status {status}"))
    if shape == "html":
        title = f"{status} {message}".encode()
        return Response(status, [*headers, ("Content-Type", "text/html")], _HTML % (title, title))
    body = json.dumps({"error": error, "message": message}).encode()
    return Response(status, [*headers, ("Content-Type", "application/json")], body)


def _unusable_answer(kind: str, truth: Response) -> Response:
    if kind == "html":
        return Response(
            200, [("Content-Type", "text/html")], _HTML % (b"Maintenance", b"We will be back soon")
        )
    body = b'{"oops": [1, 2,, ' + truth.body[:40] + b"\xff}"
    return Response(200, [("Content-Type", "application/json")], body)
