"""How a fault looks from the other end of the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from .faults import Fault
from .wire import Request, Response

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


class Line(Protocol):
    """What a fault may do to a connection."""

    def send(self, response: Response, keep_alive: bool) -> bool:
        """Send the whole answer; whether the connection may be used again."""
        ...

    def send_part(self, response: Response, part: bytes) -> None:
        """Send the head of an answer and only `part` of its body."""
        ...

    def hold(self, fault: Fault) -> None:
        """Say nothing until the fault is healed, the client leaves or the server stops."""
        ...

    def reset(self) -> None:
        """Break the connection off with RST."""
        ...


def strike(
    fault: Fault,
    line: Line,
    request: Request,
    carry_out: Callable[[], Response],
    note: Callable[[int | None], None],
    now: float,
) -> bool:
    """Let `fault` strike one request.

    `carry_out` does what was asked and returns the true answer; `note` writes the status that is sent (None:
    no status line) into the journal, before anything is sent; `now` is the wall second. Returns whether the
    connection may be used again.
    """
    truth = carry_out() if fault.works else None
    if fault.kind in ("status", "rate_limit"):
        answer = _error(fault, now)
    elif fault.kind in ("garbage", "html"):
        answer = _nonsense(fault.kind, truth)
    elif fault.kind in ("truncate", "stall_body") and truth is not None:
        note(truth.status)
        # Announce at least two bytes: also an empty body can be cut short.
        truth.announced = max(len(truth.body), 2)
        line.send_part(truth, truth.body[: len(truth.body) // 2])
        if fault.kind == "stall_body":
            line.hold(fault)
        return False
    else:
        note(None)
        if fault.kind == "stall":
            line.hold(fault)
        elif fault.kind == "reset":
            line.reset()
        return False
    note(answer.status)
    if request.method == "HEAD":
        answer.announced, answer.body = len(answer.body), b""
    return line.send(answer, request.keep_alive)


def _error(fault: Fault, now: float) -> Response:
    status = 429 if fault.kind == "rate_limit" else fault.status
    wait = 1.0 if fault.kind == "rate_limit" else fault.retry_after
    headers: list[tuple[str, str]] = []
    if wait is not None:
        text = formatdate(now + wait, usegmt=True) if fault.retry_after_date else f"{wait:g}"
        headers.append(("Retry-After", text))
    if status == 304:
        return Response(status, headers)
    # A gateway in front answers for itself, in HTML (Q16).
    shape = fault.body or ("html" if status in (502, 504) else "json")
    if shape == "empty":
        return Response(status, headers)
    error, message = _WORDS.get(status, ("failed", f"Status {status}"))
    if shape == "html":
        title = f"{status} {message}".encode()
        return Response(status, [*headers, ("Content-Type", "text/html")], _HTML % (title, title))
    body = json.dumps({"error": error, "message": message}).encode()
    return Response(status, [*headers, ("Content-Type", "application/json")], body)


def _nonsense(kind: str, truth: Response | None) -> Response:
    if kind == "html":
        return Response(
            200, [("Content-Type", "text/html")], _HTML % (b"Maintenance", b"We will be back soon")
        )
    body = (truth.body if truth is not None else b"")[:40]
    return Response(200, [("Content-Type", "application/json")], b'{"oops": [1, 2,, ' + body + b"\xff}")
