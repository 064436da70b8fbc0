"""Results of an attempt: an answer, or a failure classified by its exception class and its stage."""

from __future__ import annotations

import builtins
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from http.client import BadStatusLine, HTTPException, UnknownProtocol
from types import TracebackType
from typing import Any, Final, Literal

import requests.exceptions
import urllib3.exceptions
from urllib3.util.ssl_match_hostname import CertificateError

from ..errors import TimeoutPhase, one_line
from .clock import Deadline
from .retry import Outcome
from .trace import Stage, Trace

__all__ = [
    "LIBRARY_ERRORS",
    "Answer",
    "AttemptResult",
    "Failure",
    "classify_failure",
    "deadline_failure",
    "forget_library_frames",
]

#: Everything that sending through requests can raise.
LIBRARY_ERRORS: Final = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.ProxySchemeUnsupported,
    HTTPException,
    OSError,
    UnicodeError,
)


class AttemptResult:
    """What one attempt came to.

    Attributes:
        trace: How the attempt went; None if it ended before it had one.
    """

    __slots__ = ("trace",)

    trace: Trace | None

    @property
    def connection(self) -> Literal["new", "reused"] | None:
        """The kind of connection it used."""
        trace = self.trace
        if trace is None or not (trace.opened or trace.reused):
            return None
        return "reused" if trace.reused else "new"


class Answer(AttemptResult):
    """An HTTP response as received.

    Args:
        status: HTTP status code.
        headers: Header fields.
        body: Body after content decoding; empty if it was streamed or could not be read.
        data: The decoded body, or the body itself if decoding failed.
        problem: Why the body could not be read or decoded, or None.
        option: Name of the option whose limit the body exceeds, or None.
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
        self.trace = None
        self.status = status
        self.headers = headers
        self.body = body
        self.data = data
        self.problem = problem
        self.option = option


class Failure(AttemptResult):
    """An attempt without a response.

    Args:
        outcome: How far it got, for the retry policy.
        phase: The limit that was reached, or None.
        reason: What went wrong, as text.
        cause: The exception of a library, or None.
        marks_endpoint: Whether the endpoint counts as failed.
        permanent: Whether a later retry cannot succeed.
        misconfigured: Whether the cause is the configuration and not the network.

    Attributes:
        proxy: The address of the proxy in use, or None.
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
        self.trace = None
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
        """Whether it may be gone after a wait. A pool timeout has waited already."""
        return not self.permanent and self.phase != "pool"

    @classmethod
    def misconfiguration(cls, reason: str, cause: BaseException | None = None) -> Failure:
        """A request that cannot be sent, for a local reason."""
        return cls(Outcome.UNSENT, None, reason, cause, marks_endpoint=False, misconfigured=True)


def classify_failure(
    error: BaseException,
    trace: Trace,
    *,
    outer: BaseException | None = None,
    credentials: Sequence[str] = (),
) -> Failure:
    """Classify an exception of a library by its class and the stage of the attempt.

    Args:
        error: What requests, urllib3, http.client, ssl or socket raised.
        trace: How far the attempt got.
        outer: The exception the caller is already handling; it is left unchanged.
        credentials: The proxy's user and password. An exception whose text contains one is not kept.
    """
    links = _exception_chain(error)
    reason = _reason(links[-1], credentials)
    cause = None if any(secret in str(link) for link in links for secret in credentials) else error
    for link in _related(error, outer):
        link.__traceback__ = None  # the locals of its frames contain the header with the key
    stage = trace.stage
    if stage is Stage.NONE:  # none of our connections was used: only the class is known
        stage = Stage.OPENING if _has_type(links, _BEFORE_SENDING) else Stage.WAITING
    if trace.stage <= Stage.OPEN and _has_type(links, _UNSENDABLE):
        return Failure.misconfiguration(reason, cause)
    timed_out = any(isinstance(link, _TIMEOUTS) and not isinstance(link, _REFUSED) for link in links)
    if timed_out and trace.deadline.expired:
        return deadline_failure(trace.deadline, stage, cause)
    if stage <= Stage.OPEN:
        phase: TimeoutPhase | None = "open" if timed_out else None
        return Failure(Outcome.UNSENT, phase, reason, cause, permanent=_has_type(links, _UNTRUSTED))
    if timed_out:
        return Failure(Outcome.LOST, "write" if stage is Stage.SENDING else "read", reason, cause)
    if trace.reused and stage < Stage.READING and _has_type(links, _DEAD_CONNECTION):
        return Failure(Outcome.STALE, None, reason, cause, marks_endpoint=False)
    return Failure(Outcome.LOST, None, reason, cause)


#: An unusable proxy or address, or a client closed during the call.
_UNSENDABLE: Final = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.URLRequired,
    urllib3.exceptions.ClosedPoolError,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnsupported,
)
#: These mean that nothing was sent. All others can come from any stage.
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
#: In urllib3, the class for a refused connection is a subclass of the connect timeout.
_REFUSED: Final = urllib3.exceptions.NewConnectionError
_DEAD_CONNECTION: Final = (builtins.ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_UNTRUSTED: Final = (ssl.SSLCertVerificationError, CertificateError)


def deadline_failure(deadline: Deadline, stage: Stage, cause: BaseException | None = None) -> Failure:
    """The failure of an attempt whose deadline passed.

    Args:
        deadline: The deadline: the end of the whole call, or of this attempt, which leaves time for others.
        stage: How far the attempt got.
        cause: The exception of a library, or None.
    """
    outcome = Outcome.UNSENT if stage <= Stage.OPEN else Outcome.LOST
    phase: TimeoutPhase = "total"
    reason = ""
    if deadline.call is not None and not deadline.call.expired:
        phase = _PHASES[stage]
        reason = f"not finished within {deadline.limit:.3g} s, its share of the time limit of the call"
    # Without a running attempt the time was spent elsewhere, and the endpoint has not failed.
    return Failure(outcome, phase, reason, cause, marks_endpoint=stage is not Stage.NONE)


#: What an attempt was doing.
_PHASES: Final[dict[Stage, TimeoutPhase]] = {
    Stage.NONE: "pool", Stage.OPENING: "open", Stage.OPEN: "open", Stage.SENDING: "write",
    Stage.WAITING: "read", Stage.READING: "read",
}  # fmt: skip


def _has_type(links: list[BaseException], kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(link, kinds) for link in links)


def _exception_chain(error: BaseException) -> list[BaseException]:
    """The exception and those it wraps, outermost first.

    requests and urllib3 wrap by argument, by `reason` and by `__cause__`. `__context__` is excluded: it may
    be an unrelated exception of the user.
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
    text = _describe(root)
    for secret in credentials:
        text = text.replace(secret, "***")
    return one_line(text) or type(root).__name__


def _describe(root: BaseException) -> str:
    if isinstance(root, UnknownProtocol):
        return f"the server responds with {root} instead of HTTP/1.x"
    if isinstance(root, BadStatusLine) and not isinstance(root, builtins.ConnectionError):
        return f"the server does not respond with HTTP, but with {str(root).strip()[:80]!r}"
    if isinstance(root, ssl.SSLError) and getattr(root, "reason", None) in _NOT_TLS:
        return f"the server does not use TLS on this port; the address may have to be http:// ({root.reason})"
    words = getattr(root, "strerror", None)
    return words if isinstance(words, str) else str(root)


#: Reasons of OpenSSL for a response that is not TLS.
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def _related(error: BaseException, outer: BaseException | None) -> Iterator[BaseException]:
    """The exception and all related ones, without one that existed before the call."""
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
    """Remove the traceback frames that contain the key from an exception that is not classified.

    An interrupt, or a warning turned into an error, is re-raised unchanged; error trackers record the locals
    of its frames.

    Args:
        error: The exception.
        outer: The exception the caller is already handling.
    """
    for link in _related(error, outer):
        frames = [frame for frame in _frames(link.__traceback__) if not _is_library(frame)]
        for frame, next_frame in zip(frames, [*frames[1:], None], strict=False):
            frame.tb_next = next_frame
        link.__traceback__ = frames[0] if frames else None


_LIBRARIES: Final = frozenset({"http", "requests", "socket", "ssl", "urllib3"})
#: Our modules whose frames are among theirs and contain the same: the key, and proxies with passwords.
_WITH_LIBRARY_FRAMES: Final = frozenset(
    f"{__package__}.{name}"
    for name in ("connection", "connection_pool", "request_head", "reused_connection", "session")
)


def _is_library(frame: TracebackType) -> bool:
    name: str = frame.tb_frame.f_globals.get("__name__", "")
    return name in _WITH_LIBRARY_FRAMES or name.partition(".")[0] in _LIBRARIES


def _frames(first: TracebackType | None) -> Iterator[TracebackType]:
    while first is not None:
        yield first
        first = first.tb_next
