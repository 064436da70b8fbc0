"""What is said about attempts and answers: the error a call ends in, and the log line of each attempt."""

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

#: How much of a body that is not JSON is looked at for a message.
_EXCERPT_CHARACTERS: Final = 1000

__all__ = ["log_attempt", "network_error", "out_of_time_error", "unexpected_body", "via"]


def network_error(failure: Failure, request: Request, config: Config, *, url: str, attempts: int) -> Error:
    """The error of a call whose last attempt brought no answer.

    Args:
        failure: That attempt.
        request: What was asked for.
        config: The options whose limits are named.
        url: The endpoint.
        attempts: How many attempts there were.
    """
    what = f"{request.method} {request.path}"
    if failure.misconfigured:
        return ConfigurationError(f"{what}: the request cannot be sent{via(failure)}: {failure.reason}")
    unknown = failure.outcome is not Outcome.UNSENT and not request.repeatable
    reason = failure.reason
    if failure.phase in ("open", "read", "write"):
        limit = getattr(config, f"{failure.phase}_timeout")
        if limit is not None:  # else the operating system gave up, and says so
            reason = f"no end within {failure.phase}_timeout={limit:g} s"
    times = "" if attempts == 1 else f" after {attempts} attempts"
    message = f"{what}: {url}{via(failure)}{times}: {reason}{OUTCOME_UNKNOWN_HINT if unknown else ''}"
    if failure.phase is None:
        return ConnectionError(message, attempts=attempts, outcome_unknown=unknown)
    return TimeoutError(message, phase=failure.phase, attempts=attempts, outcome_unknown=unknown)


def via(failure: Failure) -> str:
    """What a message says of the way: nothing, or through which proxy it led.

    Args:
        failure: The attempt.
    """
    return "" if failure.proxy is None else f" through the proxy {failure.proxy}"


def out_of_time_error(
    request: Request, limit: float | None, *, attempts: int, detail: str = "", outcome_unknown: bool = False
) -> TimeoutError:
    """The error of a call that reached its deadline.

    Args:
        request: What was asked for.
        limit: The deadline in seconds from the start.
        attempts: How many attempts there were.
        detail: What the time was lost with.
        outcome_unknown: Whether the request may have been carried out.
    """
    within = "" if limit is None else f" within {limit:g} s in all"
    return TimeoutError(
        f"{request.method} {request.path}: not done{within}"
        + (f": {detail}" if detail else "")
        + (OUTCOME_UNKNOWN_HINT if outcome_unknown else ""),
        phase="total",
        attempts=attempts,
        outcome_unknown=outcome_unknown,
    )


def unexpected_body(response: Response[Any], request: Request) -> str | None:
    """What is wrong with the body of a 2xx answer, or None when it is what the request expects.

    Args:
        response: The answer.
        request: What was asked for.
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
            return "its body is empty where JSON is expected"
        return one_line(f"an object or a list is expected, not the JSON value {text[:_EXCERPT_CHARACTERS]}")
    kind = response.headers.get("Content-Type", "") or "a body without a content type"
    wanted = "a file" if expects == "file" else "JSON"
    return one_line(f"{kind} came where {wanted} is expected: {text[:_EXCERPT_CHARACTERS]}")


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
    """Write one line for an attempt; its fields ride along as `record.octaspace_attempt`.

    Args:
        log: Where to.
        level: At which level.
        result: How the attempt ended.
        request: What was asked for; the key is not part of it.
        mask: Takes the key out, which the server may repeat.
        url: The endpoint.
        attempt: Its number in the call, from 1.
        verdict: What follows: ok, raise, retry, failover or fresh-socket.
        elapsed: Seconds it took.
        wait: Seconds before the next one.
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
        ending = f"{error} ({result.phase or result.reason})" + via(result)
    fields = mask.data(fields)
    log_line(
        log, level, "%s %s%s -> %s in %.0f ms (attempt %d, %s)",
        request.method, url, fields["path"], mask.text(ending), elapsed * 1000, attempt, verdict,
        octaspace_attempt=fields,
    )  # fmt: skip
