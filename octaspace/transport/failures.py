"""How an attempt ended: an answer, or a failure sorted by its class and the stage it came from."""

from __future__ import annotations

import builtins
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

import requests.exceptions
import urllib3.exceptions

from ..errors import TimeoutPhase, one_line
from .connection import Stage, Trace
from .retry import Outcome

__all__ = ["FOREIGN", "Answer", "Failure", "out_of_time", "sort_failure"]

#: Everything that sending through requests can raise.
FOREIGN: Final = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    OSError,
    UnicodeError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response as it arrived.

    Args:
        status: HTTP status code.
        headers: Header fields.
        body: Body after content decoding; empty when it was streamed or could not be taken.
        data: The body decoded; the body itself where that was not possible.
        problem: Why the body could not be taken or decoded, or None.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    data: Any = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt without an answer.

    Args:
        outcome: How far it got, in the terms of the retry policy.
        phase: The limit that was reached, or None when no limit was.
        reason: What went wrong, in words.
        cause: The foreign exception, or None.
        marks_endpoint: Whether it speaks against the endpoint.
        permanent: Whether trying again later is pointless.
        misconfigured: Whether the settings are at fault and not the network.
    """

    outcome: Outcome
    phase: TimeoutPhase | None
    reason: str
    cause: BaseException | None = None
    marks_endpoint: bool = True
    permanent: bool = False
    misconfigured: bool = False


def sort_failure(error: BaseException, trace: Trace, *, outer: BaseException | None = None) -> Failure:
    """Say what a foreign exception means for the call, by its class and the stage it came from.

    Args:
        error: What requests, urllib3, http.client, ssl or socket raised.
        trace: How far the attempt got.
        outer: The exception the caller was handling already; it is not ours to touch.
    """
    links = _links(error)
    reason = _reason(links[-1])
    _forget_frames(error, outer)
    if isinstance(error, _MISCONFIGURED) or (trace.stage is Stage.NONE and type(error) is OSError):
        # The plain OSError is requests' word for a CA bundle that is not where the environment says.
        return Failure(Outcome.UNSENT, None, reason, error, marks_endpoint=False, misconfigured=True)
    timed_out = any(isinstance(link, _TIMEOUTS) and not isinstance(link, _REFUSED) for link in links)
    stage = trace.stage
    if stage is Stage.NONE:  # no connection of ours took part: only the class can tell
        stage = Stage.OPENING if isinstance(error, requests.exceptions.ConnectTimeout) else Stage.WAITING
    if timed_out and trace.deadline.expired:
        return out_of_time(stage, error)
    if stage <= Stage.OPEN:
        untrusted = any(isinstance(link, ssl.SSLCertVerificationError) for link in links)
        return Failure(Outcome.UNSENT, "open" if timed_out else None, reason, error, permanent=untrusted)
    if timed_out:
        return Failure(Outcome.LOST, "write" if stage is Stage.SENDING else "read", reason, error)
    died = any(isinstance(link, _DEAD_CONNECTION) for link in links)
    if died and trace.reused and stage < Stage.READING:
        return Failure(Outcome.STALE, None, reason, error, marks_endpoint=False)
    return Failure(Outcome.LOST, None, reason, error)


_MISCONFIGURED: Final = (
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
_TIMEOUTS: Final = (
    builtins.TimeoutError,
    requests.exceptions.Timeout,
    urllib3.exceptions.ReadTimeoutError,
    urllib3.exceptions.ConnectTimeoutError,
)
#: urllib3 has the refused connection under the connect timeout.
_REFUSED: Final = urllib3.exceptions.NewConnectionError
_DEAD_CONNECTION: Final = (builtins.ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def out_of_time(stage: Stage, cause: BaseException | None = None) -> Failure:
    """The failure of a call whose deadline came while an attempt was at that stage."""
    outcome = Outcome.UNSENT if stage <= Stage.OPEN else Outcome.LOST
    # Without an attempt under way the time went elsewhere, and the endpoint is not to blame.
    return Failure(outcome, "total", "", cause, marks_endpoint=stage is not Stage.NONE)


def _links(error: BaseException) -> list[BaseException]:
    """The exception and those it wraps, outermost first.

    requests and urllib3 wrap by argument, by `reason` and by `__cause__`. `__context__` is left out: it
    may be an exception of the user's that has nothing to do with this call.
    """
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or link in found:
            continue
        found.append(link)
        waiting += [*link.args, getattr(link, "reason", None), link.__cause__]
    return found


def _reason(root: BaseException) -> str:
    words = getattr(root, "strerror", None)
    return one_line(words if isinstance(words, str) else str(root)) or type(root).__name__


def _forget_frames(error: BaseException, outer: BaseException | None) -> None:
    """Drop the frames of foreign exceptions: their locals hold the header with the key.

    Error trackers record locals. The exceptions themselves, their classes and words, stay.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        link = waiting.pop()
        if link is None or link is outer or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = None
        waiting += [link.__cause__, link.__context__]
        waiting += [part for part in link.args if isinstance(part, BaseException)]
