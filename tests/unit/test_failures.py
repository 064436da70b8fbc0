"""The classification of each exception at each stage, and that no class is missing."""

from __future__ import annotations

import builtins
import http.client
import inspect
import itertools
import socket
import ssl
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import requests.exceptions
import urllib3.exceptions
import urllib3.util.ssl_match_hostname

from octaspace.transport.clock import SYSTEM_CLOCK, Deadline
from octaspace.transport.failures import LIBRARY_ERRORS, classify_failure, forget_library_frames
from octaspace.transport.retry import Outcome
from octaspace.transport.trace import Stage, Trace
from tests.support.fake_clock import FakeClock

NONE, OPENING, OPEN, SENDING, WAITING, READING = Stage

#: The verdict at each stage; `stale` becomes `lost` where the connection was new.
OTHER = {NONE: "lost", OPENING: "unsent", OPEN: "unsent", SENDING: "lost", WAITING: "lost", READING: "lost"}
#: The server has closed the connection.
DIED = {**OTHER, SENDING: "stale", WAITING: "stale"}
TIMED_OUT = {
    NONE: "lost read", OPENING: "unsent open", OPEN: "unsent open",
    SENDING: "lost write", WAITING: "lost read", READING: "lost read",
}  # fmt: skip
#: Cannot come from a later stage than opening, so that the class is sufficient.
NOT_OPENED = {**OTHER, NONE: "unsent"}
REFUSED = {**DIED, NONE: "unsent"}
NOT_OPENED_IN_TIME = {**TIMED_OUT, NONE: "unsent open"}
#: Not retried after a wait, which cannot help.
UNTRUSTED = {**OTHER, OPENING: "unsent permanent", OPEN: "unsent permanent"}
#: The request cannot be sent.
UNSENDABLE = {**OTHER, NONE: "settings", OPENING: "settings", OPEN: "settings"}

Verdicts = dict[Stage, str]

TABLE: dict[ModuleType, dict[str, Verdicts]] = {
    requests.exceptions: {
        "RequestException": OTHER,
        "InvalidJSONError": OTHER,
        "JSONDecodeError": OTHER,
        "HTTPError": OTHER,
        "ConnectionError": OTHER,
        "ProxyError": OTHER,
        "SSLError": OTHER,
        "Timeout": TIMED_OUT,
        "ConnectTimeout": NOT_OPENED_IN_TIME,
        "ReadTimeout": TIMED_OUT,
        "URLRequired": UNSENDABLE,
        "TooManyRedirects": OTHER,
        "MissingSchema": UNSENDABLE,
        "InvalidSchema": UNSENDABLE,
        "InvalidURL": UNSENDABLE,
        "InvalidHeader": OTHER,
        "InvalidProxyURL": UNSENDABLE,
        "ChunkedEncodingError": OTHER,
        "ContentDecodingError": OTHER,
        "StreamConsumedError": OTHER,
        "RetryError": OTHER,
        "UnrewindableBodyError": OTHER,
        # urllib3's base class, under the name by which requests imports it
        "BaseHTTPError": OTHER,
        # json's, likewise; requests raises its own class made of both
        "CompatJSONDecodeError": OTHER,
    },
    urllib3.exceptions: {
        "HTTPError": OTHER,
        "PoolError": OTHER,
        "RequestError": OTHER,
        "SSLError": OTHER,
        "ProxyError": OTHER,
        "DecodeError": OTHER,
        "ProtocolError": OTHER,
        "ConnectionError": OTHER,  # another name of ProtocolError
        "MaxRetryError": OTHER,
        "HostChangedError": OTHER,
        "TimeoutStateError": OTHER,
        "TimeoutError": TIMED_OUT,
        "ReadTimeoutError": TIMED_OUT,
        "ConnectTimeoutError": NOT_OPENED_IN_TIME,
        "NewConnectionError": NOT_OPENED,
        "NameResolutionError": NOT_OPENED,
        "EmptyPoolError": NOT_OPENED,
        "FullPoolError": OTHER,
        "ClosedPoolError": UNSENDABLE,
        "LocationValueError": UNSENDABLE,
        "LocationParseError": UNSENDABLE,
        "URLSchemeUnknown": UNSENDABLE,
        "ProxySchemeUnknown": UNSENDABLE,
        "ProxySchemeUnsupported": UNSENDABLE,
        "ResponseError": OTHER,
        "ResponseNotChunked": OTHER,
        "BodyNotHttplibCompatible": OTHER,
        "IncompleteRead": OTHER,
        "InvalidChunkLength": OTHER,
        "InvalidHeader": OTHER,
        "HeaderParsingError": OTHER,
        "UnrewindableBodyError": OTHER,
        "httplib_IncompleteRead": OTHER,
        # not raised: the header parser's notes
        "MessageDefect": OTHER,
    },
    http.client: {
        "HTTPException": OTHER,
        "NotConnected": OTHER,
        "InvalidURL": OTHER,
        "UnknownProtocol": OTHER,
        "UnknownTransferEncoding": OTHER,
        "UnimplementedFileMode": OTHER,
        "IncompleteRead": OTHER,
        "ImproperConnectionState": OTHER,
        "CannotSendRequest": OTHER,
        "CannotSendHeader": OTHER,
        "ResponseNotReady": OTHER,
        "BadStatusLine": OTHER,
        "LineTooLong": OTHER,
        "RemoteDisconnected": DIED,
        "error": OTHER,  # another name of HTTPException
    },
    ssl: {
        "SSLError": OTHER,
        "SSLZeroReturnError": DIED,
        "SSLEOFError": DIED,
        "SSLSyscallError": OTHER,
        "SSLWantReadError": OTHER,
        "SSLWantWriteError": OTHER,
        "SSLCertVerificationError": UNTRUSTED,
        "CertificateError": UNTRUSTED,
        "socket_error": OTHER,
    },
    urllib3.util.ssl_match_hostname: {"CertificateError": UNTRUSTED},
    socket: {
        "error": OTHER,
        "herror": OTHER,
        "gaierror": NOT_OPENED,
        "timeout": TIMED_OUT,
    },
    builtins: {
        "OSError": OTHER,
        "BlockingIOError": OTHER,
        "InterruptedError": OTHER,
        "PermissionError": OTHER,  # from a firewall
        "FileNotFoundError": OTHER,
        "TimeoutError": TIMED_OUT,
        "ConnectionError": DIED,
        "ConnectionAbortedError": DIED,
        "ConnectionRefusedError": REFUSED,
        "ConnectionResetError": DIED,
        "BrokenPipeError": DIED,
        "UnicodeError": OTHER,
    },
}


def exceptions_of(module: ModuleType) -> Iterator[str]:
    for name, value in vars(module).items():
        if (
            inspect.isclass(value)
            and issubclass(value, Exception)
            and not issubclass(value, Warning)
            and value is not Exception
        ):
            yield name


@pytest.mark.parametrize(
    "module", [requests.exceptions, urllib3.exceptions, http.client, ssl], ids=lambda module: module.__name__
)
def test_no_class_of_the_libraries_is_missing(module: ModuleType) -> None:
    known = TABLE[module].keys() | set(exceptions_of(builtins))
    assert set(exceptions_of(module)) - known == set()


class Pool:
    def __repr__(self) -> str:
        return "pool"


def make(kind: type[Exception]) -> Exception:
    """An exception of that class, as far as its constructor lets one be made."""
    arguments: list[tuple[Any, ...]] = [
        ("words",), (Pool(), "words"), (Pool(), "http://x", "words"), ("words", "doc", 0), (1, 2),
        ("name", Pool(), socket.gaierror(-2, "Name or service not known")), ([], "words"),
    ]  # fmt: skip
    if kind is urllib3.exceptions.InvalidChunkLength:
        return kind(urllib3.HTTPResponse(b""), b"zz")  # type: ignore[call-arg]
    for given in arguments:
        try:
            made = kind(*given)
            str(made)
        except (TypeError, AttributeError):
            continue
        return made
    raise AssertionError(f"no way to make a {kind}")


def bare(error: Exception) -> Exception:
    return error


def aborted(error: Exception) -> Exception:
    """As urllib3 and requests wrap what came from a connection."""
    return requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", error))


def retried(error: Exception) -> Exception:
    """As urllib3 and requests wrap what came from opening one."""
    return requests.exceptions.ConnectionError(
        urllib3.exceptions.MaxRetryError(Pool(), "/", error)  # type: ignore[arg-type]
    )


def through_a_proxy(error: Exception) -> Exception:
    wrapped = urllib3.exceptions.ProxyError("Unable to connect to proxy", error)
    return requests.exceptions.ProxyError(
        urllib3.exceptions.MaxRetryError(Pool(), "/", wrapped)  # type: ignore[arg-type]
    )


def caused(error: Exception) -> Exception:
    outer = urllib3.exceptions.HTTPError("words")
    outer.__cause__ = error
    return outer


def verdict_of(error: Exception, stage: Stage, *, reused: bool) -> str:
    trace = Trace(new_connection=False, read_timeout=1, write_timeout=1, deadline=Deadline(SYSTEM_CLOCK))
    trace.stage, trace.reused = stage, reused
    failure = classify_failure(error, trace)
    assert failure.cause is error
    assert failure.reason
    assert failure.marks_endpoint is (failure.outcome is not Outcome.STALE and not failure.misconfigured)
    if failure.misconfigured:
        assert failure.outcome is Outcome.UNSENT
        return "settings"
    words = [failure.outcome.value, failure.phase, "permanent" if failure.permanent else None]
    return " ".join(word for word in words if word)


CASES = [
    pytest.param(module, name, verdicts, id=f"{module.__name__}.{name}")
    for module, rows in TABLE.items()
    for name, verdicts in rows.items()
    if hasattr(module, name) and name != "MessageDefect"  # urllib3 1.26 has fewer
]


@pytest.mark.parametrize(("module", "name", "verdicts"), CASES)
@pytest.mark.parametrize("wrap", [bare, aborted, retried, through_a_proxy, caused])
def test_the_table(
    module: ModuleType, name: str, verdicts: Verdicts, wrap: Callable[[Exception], Exception]
) -> None:
    for stage, reused in itertools.product(Stage, (False, True)):
        if reused and stage < SENDING:
            continue  # it counts as reused when it is sent on
        error = wrap(make(getattr(module, name)))
        expected = verdicts[stage]
        if expected == "stale" and not reused:
            expected = "lost"
        assert verdict_of(error, stage, reused=reused) == expected, (stage, reused)


@pytest.mark.parametrize(("module", "name", "verdicts"), CASES)
def test_each_exception_is_caught_alone_or_wrapped(module: ModuleType, name: str, verdicts: Verdicts) -> None:
    """An exception that is not a library's own is wrapped in one that is."""
    wrapped_by_urllib3 = {"CertificateError", "CompatJSONDecodeError"}
    assert issubclass(getattr(module, name), LIBRARY_ERRORS) or name in wrapped_by_urllib3


@pytest.mark.parametrize("stage", list(Stage))
def test_a_timeout_after_the_deadline_is_a_total_timeout(stage: Stage) -> None:
    clock = FakeClock()
    deadline = Deadline(clock.clock(), 5)
    clock.advance(6)
    trace = Trace(new_connection=False, read_timeout=1, write_timeout=1, deadline=deadline)
    trace.stage = stage
    failure = classify_failure(aborted(TimeoutError("timed out")), trace)
    assert failure.phase == "total"
    assert failure.outcome is (Outcome.UNSENT if stage in (OPENING, OPEN) else Outcome.LOST)
    failure = classify_failure(aborted(ConnectionResetError()), trace)
    assert failure.phase is None


@pytest.mark.parametrize(
    ("stage", "phase"),
    [(OPENING, "open"), (OPEN, "open"), (SENDING, "write"), (WAITING, "read"), (READING, "read")],
)
def test_a_timeout_after_its_share_is_a_timeout_of_the_endpoint(stage: Stage, phase: str) -> None:
    clock = FakeClock()
    call = Deadline(clock.clock(), 8)
    trace = Trace(new_connection=False, read_timeout=30, write_timeout=30, deadline=call.share(1))
    trace.stage = stage
    clock.advance(4)
    failure = classify_failure(aborted(TimeoutError("timed out")), trace)
    assert (failure.phase, failure.marks_endpoint) == (phase, True)
    assert failure.outcome is (Outcome.UNSENT if stage in (OPENING, OPEN) else Outcome.LOST)
    clock.advance(4)
    assert classify_failure(aborted(TimeoutError("timed out")), trace).phase == "total"


@pytest.mark.parametrize(
    ("limit", "others", "share"),
    [(8, 1, 4), (9, 2, 3), (8, 0, 8), (2.5, 4, 1), (1, 1, 1), (0.5, 3, 0.5), (None, 3, None)],
)
def test_the_share_of_an_attempt(limit: float | None, others: int, share: float | None) -> None:
    deadline = Deadline(FakeClock().clock(), limit)
    attempt = deadline.share(others)
    assert (attempt.limit, attempt.remaining()) == (share, share)
    assert (attempt is deadline) == (attempt.call is None) == (share == limit)


def test_messages_do_not_affect_the_classification() -> None:
    for words in (
        "timed out",
        "Connection refused",
        "certificate verify failed",
        "Name or service not known",
    ):
        assert verdict_of(requests.exceptions.ConnectionError(words), WAITING, reused=True) == "lost"


def test_a_key_that_the_server_repeats_is_not_in_the_reason() -> None:
    trace = Trace(new_connection=False, read_timeout=1, write_timeout=1, deadline=Deadline(SYSTEM_CLOCK))
    error = aborted(http.client.BadStatusLine("sk-secret"))
    failure = classify_failure(error, trace, credentials=["sk-secret"])
    assert failure.reason.endswith("'***'")
    assert failure.cause is None


def test_frames_of_the_libraries_are_taken_out_and_others_stay() -> None:
    def handler(*_: Any) -> None:
        raise KeyboardInterrupt

    class File:
        readline = handler

    try:
        http.client.parse_headers(File())  # type: ignore[arg-type]
    except KeyboardInterrupt as error:
        forget_library_frames(error, None)
        caught = error
    traceback = caught.__traceback__
    names = []
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names == ["test_frames_of_the_libraries_are_taken_out_and_others_stay", "handler"]


def test_an_exception_with_library_frames_alone_has_none_left() -> None:
    try:
        http.client.HTTPConnection("127.0.0.1:port")
    except http.client.HTTPException as error:
        context = error
    context.__traceback__ = context.__traceback__ and context.__traceback__.tb_next
    interrupt = KeyboardInterrupt()
    interrupt.__context__ = context
    forget_library_frames(interrupt, None)
    assert context.__traceback__ is None
