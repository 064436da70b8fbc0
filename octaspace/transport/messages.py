"""Messages: the final error of a call, and the log line of each attempt."""

from __future__ import annotations

import logging
from typing import Any, Final

from ..config import Config
from ..errors import OUTCOME_UNKNOWN_HINT, ConfigurationError, ConnectionError, Error, TimeoutError, one_line
from ..observer import AttemptFinished
from ..request import Request
from ..response import Response
from .decoding import is_html
from .failures import Failure
from .log_lines import log_line
from .retry import Outcome

#: How much of an unexpected body is used for a message.
_EXCERPT_CHARACTERS: Final = 1000

__all__ = [
    "closed_error",
    "deadline_error",
    "log_attempt",
    "network_error",
    "proxy_suffix",
    "unexpected_body",
]


def network_error(failure: Failure, request: Request, config: Config, *, url: str, attempts: int) -> Error:
    """The error of a call whose last attempt got no response.

    Args:
        failure: The last attempt.
        request: The request.
        config: The options, whose limits the message names.
        url: The endpoint.
        attempts: Number of attempts.
    """
    what = f"{request.method} {request.path}"
    if failure.misconfigured:
        return ConfigurationError(
            f"{what}: the request cannot be sent{proxy_suffix(failure)}: {failure.reason}"
        )
    unknown = failure.outcome is not Outcome.UNSENT and not request.repeatable
    reason = failure.reason
    if failure.phase in ("open", "read", "write"):
        limit = getattr(config, f"{failure.phase}_timeout")
        if limit is not None:  # otherwise it is a timeout of the operating system
            reason = f"not finished within {failure.phase}_timeout={limit:g} s"
    times = "" if attempts == 1 else f" after {attempts} attempts"
    message = (
        f"{what}: {url}{proxy_suffix(failure)}{times}: {reason}{OUTCOME_UNKNOWN_HINT if unknown else ''}"
    )
    if failure.phase is None:
        return ConnectionError(message, attempts=attempts, outcome_unknown=unknown)
    return TimeoutError(message, phase=failure.phase, attempts=attempts, outcome_unknown=unknown)


def proxy_suffix(failure: Failure) -> str:
    """The part of a message that names the proxy; empty without one.

    Args:
        failure: The attempt.
    """
    return "" if failure.proxy is None else f" through the proxy {failure.proxy}"


def deadline_error(
    request: Request, limit: float | None, *, attempts: int, detail: str = "", outcome_unknown: bool = False
) -> TimeoutError:
    """The error of a call that reached its deadline.

    Args:
        request: The request.
        limit: The deadline in seconds from the start.
        attempts: Number of attempts.
        detail: What was in progress at the deadline.
        outcome_unknown: Whether the request may have taken effect.
    """
    within = "" if limit is None else f" within {limit:g} s in total"
    return TimeoutError(
        f"{request.method} {request.path}: not finished{within}"
        + (f": {detail}" if detail else "")
        + (OUTCOME_UNKNOWN_HINT if outcome_unknown else ""),
        phase="total",
        attempts=attempts,
        outcome_unknown=outcome_unknown,
    )


def closed_error(request: Request) -> ConfigurationError:
    """The error of a call whose client was closed by another thread.

    Args:
        request: The request.
    """
    return ConfigurationError(f"{request.method} {request.path}: the client was closed during the call")


def unexpected_body(response: Response[Any], request: Request) -> str | None:
    """What is wrong with the body of a 2xx response, or None if it is what the request expects.

    Args:
        response: The response.
        request: The request.
    """
    expects, data = request.expects, response.data
    if expects is None:
        return None
    if expects == "file":
        if not is_html(response.headers):
            return None
    elif isinstance(data, (dict, list)):
        return None
    text = response.text
    if expects != "file" and not isinstance(data, bytes):
        if expects == "json or nothing":
            return None
        if not response.body:
            return "the body is empty, not JSON"
        return one_line(
            f"the body must be a JSON object or list, not the JSON value {text[:_EXCERPT_CHARACTERS]}"
        )
    kind = response.headers.get("Content-Type", "") or "without a content type"
    wanted = "a file" if expects == "file" else "JSON"
    return one_line(f"the body is {kind}, not {wanted}: {text[:_EXCERPT_CHARACTERS]}")


def log_attempt(log: logging.Logger, level: int, event: AttemptFinished) -> None:
    """Log one line for an attempt; the record has its fields as `record.octaspace_attempt`.

    Args:
        log: The logger.
        level: The level.
        event: The attempt.
    """
    method, path = event.request.method, event.request.path
    ending = str(event.status)
    if event.error is not None:
        ending = f"{event.error} ({event.phase or event.reason})"
        if event.proxy is not None:
            ending += f" through the proxy {event.proxy}"
    log_line(
        log, level, "%s %s%s -> %s in %.0f ms (attempt %d, %s)",
        method, event.endpoint, path, ending, event.elapsed * 1000, event.number, event.verdict,
        octaspace_attempt={
            "method": method,
            "path": path,
            "url": event.endpoint,
            "attempt": event.number,
            "status": event.status,
            "error": event.error,
            "phase": event.phase,
            "reason": event.reason,
            "request_id": event.request_id,
            "verdict": event.verdict,
            "elapsed": event.elapsed,
            "wait": event.wait,
        },
    )  # fmt: skip
