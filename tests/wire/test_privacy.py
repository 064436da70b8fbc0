"""The key is sent only to the endpoints."""

from __future__ import annotations

import http.client
import logging
import pickle
import signal
import socket
import ssl
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from urllib3.exceptions import InsecureRequestWarning

import octaspace
from octaspace import Client, Request
from tests.support.fault_server import (
    Behaviour,
    Exchange,
    answer,
    close_after_reading,
    echo,
    never_read,
    raw,
    stall,
    stall_in_body,
    truncate,
)

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

KEY = "sk-secret"


def test_the_key_is_sent_only_where_it_is_needed(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server)
    client.send(READ)
    client.send(Request("GET", "/network", public=True))
    connect(server, api_key=None).send(READ)
    assert [arrival.headers.get("authorization") for arrival in server.journal] == [KEY, None, None]


@pytest.mark.parametrize("with_key", [True, False])
def test_netrc_never_touches_authorization(
    serve: ServerFactory,
    connect: ClientFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_key: bool,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(after=echo)
    connect(server, api_key=KEY if with_key else None).send(READ)
    assert server.journal[0].headers.get("authorization") == (KEY if with_key else None)


def everything_about(error: BaseException) -> str:
    """What an error tracker records: messages, frames and their locals, all causes and contexts."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(lines) + repr(error) + str(error) + repr(vars(error))


@pytest.mark.parametrize(
    "provoke",
    [
        lambda server: server.refuse(),
        lambda server: server.then(*[close_after_reading] * 9),
        lambda server: server.then(*[stall] * 9),
        lambda server: server.then(*[truncate] * 9),
        lambda server: server.then(*[raw(b"garbage\r\n\r\n")] * 9),
        lambda server: server.then(*[answer(status=401)] * 9),
        lambda server: server.then(*[answer(status=302, headers={"Location": "http://elsewhere/"})] * 9),
        lambda server: server.then(*[answer(body=b"{")] * 9),
        lambda server: server.then(never_read),
    ],
)
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])  # at DEBUG, requests take the usual steps
def test_it_is_in_no_error(
    serve: ServerFactory, connect: ClientFactory, provoke: Callable[[object], None], level: int,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(level)
    server = serve(after=echo)
    patient = connect(server)
    patient.send(READ)
    client = patient.with_options(read_timeout=0.1, write_timeout=0.1)
    provoke(server)
    for request in (READ, CHANGE, Request("POST", "/x", body="x" * 8_000_000)):
        try:
            client.send(request)
        except octaspace.Error as error:
            assert KEY not in everything_about(error)
            assert KEY.encode() not in pickle.dumps(error)
            assert error.__cause__ is None or error.__cause__.__traceback__ is None
    assert KEY not in caplog.text
    assert "".join(capfd.readouterr()).find(KEY) == -1
    assert KEY not in repr(client) + repr(client.config) + repr(client.transport_stats()) + str(vars(client))


@pytest.mark.parametrize(
    "echoing",
    [
        answer({"error": f"invalid key {KEY}"}, status=403),
        answer({"errors": {"key": [KEY]}}, status=422),
        answer(body=f"{'x' * 295}{KEY}".encode(), status=500, headers={"Content-Type": "text/plain"}),
        answer(status=302, headers={"Location": f"http://elsewhere/?key={KEY}"}),
    ],
)
def test_a_key_that_the_api_repeats_is_in_no_message(
    serve: ServerFactory, connect: ClientFactory, echoing: Behaviour
) -> None:
    client = connect(serve(after=echoing), max_retries=0)
    for sender in (client, client.with_options(api_key=KEY)):
        with pytest.raises(octaspace.ApiError) as caught:
            sender.send(READ)
        assert KEY[:6] not in str(caught.value)


@pytest.mark.parametrize(
    "echoing",
    [
        raw(f"{KEY}\r\n\r\n".encode()),
        raw(f"HTTP/1.1 {KEY} no\r\n\r\n".encode()),
        raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
        raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n\r\n".encode()),
    ],
)
def test_a_server_that_repeats_it_instead_of_answering(
    serve: ServerFactory, connect: ClientFactory, echoing: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect(serve(after=echoing))
    for request in (READ, CHANGE):
        with pytest.raises(octaspace.ConnectionError) as caught:
            client.send(request)
        assert KEY not in everything_about(caught.value)
    assert KEY not in caplog.text


def test_the_debug_output_of_http_client_does_not_print_it(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], tls: ssl.SSLContext, authority: tuple[object, Path],
) -> None:  # fmt: skip
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    connect(serve(after=echo)).send(CHANGE)
    connect(serve(after=echo, tls=tls), ssl_verify=authority[1]).send(CHANGE)
    assert capfd.readouterr() == ("", "")


class Interrupted(BaseException):
    """Neither ours nor a library's, like a worker timeout."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
@pytest.mark.parametrize("fault", [stall, never_read, stall_in_body], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_an_interrupt_passes_through_without_it(
    serve: ServerFactory, connect: ClientFactory, fault: Behaviour, reused: bool
) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted

    def interrupted(exchange: Exchange) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0.2)  # from now on the client is in its attempt
        return fault(exchange)

    server = serve(*([echo] if reused else []), interrupted, after=echo)
    client = connect(server, pool_size=1)
    if reused:
        client.send(READ)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interrupted) as caught:
            client.send(Request("POST", "/x", body="x" * 8_000_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert KEY not in everything_about(caught.value)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "interrupt"
    assert "attempt" in names
    assert client.send(CHANGE).data["connection"] == 2  # and its connection was not used again


@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_an_interrupt_while_the_key_is_sent(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, reused: bool
) -> None:
    def interrupt(*arguments: object) -> None:
        del arguments  # else this frame shows it
        raise Interrupted

    client = connect(serve(after=echo))
    if reused:
        client.send(READ)
    monkeypatch.setattr(socket.socket, "sendall", interrupt)
    with pytest.raises(Interrupted) as caught:
        client.send(CHANGE)
    monkeypatch.undo()
    assert KEY not in everything_about(caught.value)


def test_a_warning_made_an_error_passes_through_without_it(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext
) -> None:
    server = serve(after=echo, tls=tls)
    client = connect(server, ssl_verify=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InsecureRequestWarning) as caught:
            client.send(CHANGE)
    assert KEY not in everything_about(caught.value)
    assert server.journal == []
    with pytest.warns(InsecureRequestWarning):
        assert client.send(CHANGE).ok


class FullDisk:
    """A sink that fails."""

    in_memory = False
    aborted = False

    def begin(self, total: int | None) -> None:
        return None

    def write(self, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    def waiting(self) -> None:
        return None

    def commit(self, body: bytes) -> None:
        raise AssertionError("it was not complete")

    def abort(self) -> None:
        self.aborted = True


def test_what_a_sink_raises_passes_through_without_it(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client, sink = connect(server), FullDisk()
    with pytest.raises(OSError, match="No space left") as caught:
        client.send(READ, sink=sink)
    assert sink.aborted
    assert KEY not in everything_about(caught.value)
    assert len(server.journal) == 1  # a local full disk is not a failure of the endpoint
    assert client.transport_stats()["pools"][server.url]["in_use"] == 0


class Impatient(FullDisk):
    """A sink that ends the wait for the response."""

    def waiting(self) -> None:
        raise Interrupted


@pytest.mark.parametrize("reused", [False, True], ids=["new connection", "reused connection"])
def test_what_ends_a_wait_passes_through_without_it(
    serve: ServerFactory, connect: ClientFactory, reused: bool
) -> None:
    server = serve(*([echo] if reused else []), stall, after=echo)
    client = connect(server)
    if reused:
        client.send(READ)
    with pytest.raises(Interrupted) as caught:
        client.send(READ, sink=Impatient())
    assert KEY not in everything_about(caught.value)


def test_it_does_not_follow_a_redirect(serve: ServerFactory, connect: ClientFactory) -> None:
    other = serve(after=echo)
    targets = [other.url + "/nodes", "//elsewhere/", "http://[::1", "http://", "\\\\", "é" * 20, ""]
    redirects = [answer(status=307, headers={"Location": target}) for target in targets]
    server = serve(*redirects, *[answer(status=302)])
    client = connect(server)
    for _ in range(len(redirects) + 1):
        with pytest.raises(octaspace.ApiError, match="redirect not followed") as caught:
            client.send(READ)
        assert KEY not in everything_about(caught.value)
    assert other.journal == []
    assert server.accepted == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: Client(KEY + "\n"),
        lambda: Client(api_key=KEY, pool_sise=3),  # type: ignore[call-arg]
        lambda: Client(KEY, base_url="ftp://x"),
        lambda: octaspace.client(KEY + "😀"),
        lambda: octaspace.client(api_key=KEY, nonsense=1),  # type: ignore[call-arg]
        lambda: octaspace.configure(api_key=KEY, pool_size=0),
        lambda: octaspace.Config(api_key=KEY, pool_size=0),
        lambda: Client(KEY).with_options(api_key=KEY + "\r"),
        lambda: Client(KEY).with_options(api_key=KEY, pool_size=3),
        lambda: octaspace.Config(api_key=KEY).replace(api_key=KEY, pool_size=0),
    ],
)
def test_it_is_in_no_frame_of_a_configuration_error(make: Callable[[], object]) -> None:
    with pytest.raises(octaspace.ConfigurationError) as caught:
        make()
    assert KEY not in everything_about(caught.value)


def test_an_exception_the_user_was_handling_keeps_its_frames(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    server = serve(after=close_after_reading)
    try:
        raise OSError("the user's own")
    except OSError as outer:
        with pytest.raises(octaspace.ConnectionError):
            connect(server).send(CHANGE)
        assert outer.__traceback__ is not None
