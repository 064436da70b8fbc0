"""Messages: the final error of a call, and the log line of each attempt."""

from __future__ import annotations

import logging
from typing import Any, Final

from ..config import Config
from ..errors import OUTCOME_UNKNOWN_HINT, ConfigurationError, ConnectionError, Error, TimeoutError, one_line
from ..key_mask import KeyMask
from ..request import Request
from ..response import Response
from .decoding import is_html
from .failures import Answer, Failure
from .log_lines import is_wanted, log_line
from .retry import Outcome

#: How much of an unexpected body is used for a message.
_EXCERPT_CHARACTERS: Final = 1000

__all__ = ["deadline_error", "log_attempt", "network_error", "proxy_suffix", "unexpected_body"]


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


def log_attempt(
    log: logging.Logger,
    level: int,
    result: Answer | Failure,
    request: Request,
    *,
    mask: KeyMask,
    url: str,
    attempt: int,
    verdict: str,
    elapsed: float,
    wait: float,
) -> None:
    """Log one line for an attempt; the record has its fields as `record.octaspace_attempt`.

    Args:
        log: The logger.
        level: The level.
        result: The result of the attempt.
        request: The request; it does not contain the key.
        mask: Masks the key, which the server may repeat.
        url: The endpoint.
        attempt: Number of the attempt in the call, from 1.
        verdict: The next step: ok, raise, retry, failover or fresh-socket.
        elapsed: Duration in seconds.
        wait: Seconds until the next attempt.
    """
    if not is_wanted(log, level):
        return
    fields: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "url": url,
        "attempt": attempt,
        "status": None,
        "error": None,
        "phase": None,
        "reason": None,
        "request_id": None,
        "verdict": verdict,
        "elapsed": elapsed,
        "wait": wait,
    }
    if isinstance(result, Answer):
        request_id = result.headers.get("X-Request-Id")
        fields.update(status=result.status, request_id=request_id)
        ending = str(result.status)
    else:
        error = "TimeoutError" if result.phase else "ConnectionError"
        fields.update(error=error, phase=result.phase, reason=result.reason)
        ending = f"{error} ({result.phase or result.reason})" + proxy_suffix(result)
    fields = mask.data(fields)
    log_line(
        log, level, "%s %s%s -> %s in %.0f ms (attempt %d, %s)",
        request.method, url, fields["path"], mask.text(ending), elapsed * 1000, attempt, verdict,
        octaspace_attempt=fields,
    )  # fmt: skip
