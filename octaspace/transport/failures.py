"""How an attempt ended: an answer, or a failure sorted by its class and the stage it came from."""

from __future__ import annotations

import builtins
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from http.client import BadStatusLine, HTTPException, UnknownProtocol
from types import TracebackType
from typing import Any, Final

import requests.exceptions
import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from ..errors import TimeoutPhase, one_line
from . import connection
from .retry import Outcome
from .trace import Stage, Trace

__all__ = ["LIBRARY_ERRORS", "Answer", "Failure", "classify_failure", "forget_library_frames", "out_of_time"]

#: Everything that sending through requests can raise.
LIBRARY_ERRORS: Final = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.ProxySchemeUnsupported,
    HTTPException,
    OSError,
    UnicodeError,
)


class Answer:
    """An HTTP response as it arrived.

    Args:
        status: HTTP status code.
        headers: Header fields.
        body: Body after content decoding; empty when it was streamed or could not be taken.
        data: The body decoded; the body itself where that was not possible.
        problem: Why the body could not be taken or decoded, or None.
        option: Name of the option whose limit the body is over, or None.
    """

    __slots__ = ("body", "data", "headers", "option", "problem", "status")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        data: Any = None,
        problem: str | None = None,
        option: str | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.data = data
        self.problem = problem
        self.option = option


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

    Attributes:
        proxy: The address of the proxy on the way, or None.
    """

    __slots__ = (
        "cause", "marks_endpoint", "misconfigured", "outcome", "permanent", "phase", "proxy", "reason",
    )  # fmt: skip

    def __init__(
        self,
        outcome: Outcome,
        phase: TimeoutPhase | None,
        reason: str,
        cause: BaseException | None = None,
        *,
        marks_endpoint: bool = True,
        permanent: bool = False,
        misconfigured: bool = False,
    ) -> None:
        self.outcome = outcome
        self.phase = phase
        self.reason = reason
        self.cause = cause
        self.marks_endpoint = marks_endpoint
        self.permanent = permanent
        self.misconfigured = misconfigured
        self.proxy: str | None = None

    @property
    def is_transient(self) -> bool:
        """Whether it may be gone after a wait. Waiting for a connection was the wait already."""
        return not self.permanent and self.phase != "pool"

    @classmethod
    def of_settings(cls, reason: str, cause: BaseException | None = None) -> Failure:
        """A request that cannot be sent anywhere, for a reason on this side of the wire."""
        return cls(Outcome.UNSENT, None, reason, cause, marks_endpoint=False, misconfigured=True)


def classify_failure(
    error: BaseException,
    trace: Trace,
    *,
    outer: BaseException | None = None,
    credentials: Sequence[str] = (),
) -> Failure:
    """Say what a foreign exception means for the call, by its class and the stage it came from.

    Args:
        error: What requests, urllib3, http.client, ssl or socket raised.
        trace: How far the attempt got.
        outer: The exception the caller was handling already; it is not ours to touch.
        credentials: The proxy's user and password. An exception with one of them in its words is not kept.
    """
    links = _links(error)
    reason = _reason(links[-1], credentials)
    cause = None if any(secret in str(link) for link in links for secret in credentials) else error
    for link in _related(error, outer):
        link.__traceback__ = None  # the locals of its frames hold the header with the key
    stage = trace.stage
    if stage is Stage.NONE:  # no connection of ours took part: only the class can tell
        stage = Stage.OPENING if _any(links, _BEFORE_SENDING) else Stage.WAITING
    if trace.stage <= Stage.OPEN and _any(links, _UNSENDABLE):
        return Failure.of_settings(reason, cause)
    timed_out = any(isinstance(link, _TIMEOUTS) and not isinstance(link, _REFUSED) for link in links)
    if timed_out and trace.deadline.expired:
        return out_of_time(stage, cause)
    if stage <= Stage.OPEN:
        phase: TimeoutPhase | None = "open" if timed_out else None
        return Failure(Outcome.UNSENT, phase, reason, cause, permanent=_any(links, _UNTRUSTED))
    if timed_out:
        return Failure(Outcome.LOST, "write" if stage is Stage.SENDING else "read", reason, cause)
    if trace.reused and stage < Stage.READING and _any(links, _DEAD_CONNECTION):
        return Failure(Outcome.STALE, None, reason, cause, marks_endpoint=False)
    return Failure(Outcome.LOST, None, reason, cause)


#: A proxy or an address that nothing can be sent to, or a client that was closed meanwhile.
_UNSENDABLE: Final = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.URLRequired,
    urllib3.exceptions.ClosedPoolError,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnsupported,
)
#: By their very meaning nothing was sent. All others can come from any stage.
_BEFORE_SENDING: Final = (
    builtins.ConnectionRefusedError,
    socket.gaierror,
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.EmptyPoolError,
    urllib3.exceptions.NewConnectionError,
)
_TIMEOUTS: Final = (
    builtins.TimeoutError,
    requests.exceptions.Timeout,
    urllib3.exceptions.TimeoutError,
)
#: urllib3 has the refused connection under the connect timeout.
_REFUSED: Final = urllib3.exceptions.NewConnectionError
_DEAD_CONNECTION: Final = (builtins.ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_UNTRUSTED: Final = (ssl.SSLCertVerificationError, CertificateError)


def out_of_time(stage: Stage, cause: BaseException | None = None) -> Failure:
    """The failure of a call whose deadline came while an attempt was at that stage."""
    outcome = Outcome.UNSENT if stage <= Stage.OPEN else Outcome.LOST
    # Without an attempt under way the time went elsewhere, and the endpoint is not to blame.
    return Failure(outcome, "total", "", cause, marks_endpoint=stage is not Stage.NONE)


def _any(links: list[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(link, kinds) for link in links)


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


def _reason(root: BaseException, credentials: Sequence[str]) -> str:
    text = _words_of(root)
    for secret in credentials:
        text = text.replace(secret, "***")
    return one_line(text) or type(root).__name__


def _words_of(root: BaseException) -> str:
    if isinstance(root, UnknownProtocol):
        return f"the server answers in {root} and not in HTTP/1.x"
    if isinstance(root, BadStatusLine) and not isinstance(root, builtins.ConnectionError):
        return f"the server does not answer in HTTP: it says {str(root).strip()[:80]!r}"
    if isinstance(root, ssl.SSLError) and getattr(root, "reason", None) in _NOT_TLS:
        return f"the server does not speak TLS here; an http:// address may be meant ({root.reason})"
    words = getattr(root, "strerror", None)
    return words if isinstance(words, str) else str(root)


#: What OpenSSL says of an answer that is no TLS.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def _related(error: BaseException, outer: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that stand behind it, up to one that was there before."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        link = waiting.pop()
        if not isinstance(link, BaseException) or link is outer or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__, *link.args]


def forget_library_frames(error: BaseException, outer: BaseException | None) -> None:
    """Take the frames that hold the key out of an exception that is not ours to sort.

    An interrupt or a warning made an error passes through as it is; error trackers record the locals of
    its frames all the same.

    Args:
        error: What is passing through.
        outer: The exception the caller was handling already.
    """
    for link in _related(error, outer):
        frames = [frame for frame in _frames(link.__traceback__) if not _is_library(frame)]
        for frame, following in zip(frames, [*frames[1:], None], strict=False):
            frame.tb_next = following
        link.__traceback__ = frames[0] if frames else None


_LIBRARIES: Final = frozenset({"http", "requests", "socket", "ssl", "urllib3"})
#: Ours that stand among theirs, and hold what they hold: the key, and proxies with their passwords.
_AMONG_THEM: Final = frozenset({connection.__name__, f"{__package__}.session"})


def _is_library(frame: TracebackType) -> bool:
    name: str = frame.tb_frame.f_globals.get("__name__", "")
    return name in _AMONG_THEM or name.partition(".")[0] in _LIBRARIES


def _frames(first: TracebackType | None) -> Iterator[TracebackType]:
    while first is not None:
        yield first
        first = first.tb_next
