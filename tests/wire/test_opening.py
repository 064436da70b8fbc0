"""From a URL to a connection: several addresses, slow servers, and one limit for all."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, echo, stall

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ


@pytest.fixture
def busy(serve: ServerFactory) -> Iterator[FaultServer]:
    """A server whose queue of connections is full: it neither accepts nor refuses another."""
    server = serve(after=echo, backlog=0, accepts=False)
    with socket.create_connection(("127.0.0.1", server.port)):
        yield server


def resolve_to(monkeypatch: pytest.MonkeyPatch, *servers: FaultServer) -> None:
    """Resolve every name to the addresses of these servers, in this order."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)) for server in servers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_a_server_that_accepts_no_connection(
    busy: FaultServer, serve: ServerFactory, connect: ClientFactory, request_: Request, keep_alive: bool
) -> None:
    client = connect(busy, open_timeout=0.15, max_retries=0, keep_alive=keep_alive)
    with pytest.raises(octaspace.TimeoutError, match=r"open_timeout=0\.15 s") as caught:
        client.send(request_)
    assert caught.value.phase == "open"
    assert not caught.value.outcome_unknown
    other = serve(after=echo)
    both = connect(busy, other, open_timeout=1, keep_alive=keep_alive)
    assert [both.send(request_).attempts for _ in range(3)] == [2, 1, 1]
    assert len(other.journal) == 3


def test_an_endpoint_that_drops_packets_delays_one_call_of_all_threads_in_each_cooldown(
    busy: FaultServer, serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    class Waits(octaspace.Observer):
        def __init__(self) -> None:
            self.phases: list[str | None] = []

        def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
            if event.endpoint == busy.url:
                self.phases.append(event.phase)

    good, waits = serve(after=echo), Waits()
    client = connect(good, busy, open_timeout=0.3, pool_size=24, pool_timeout=None, observers=[waits])
    assert client.send(CHANGE).attempts == 1
    with ThreadPoolExecutor(24) as threads:
        for cooldown in range(1, 4):
            attempts = [call.attempts for call in threads.map(lambda _: client.send(READ), range(96))]
            assert sorted(attempts) == [1] * 95 + [2]
            assert waits.phases == ["open"] * cooldown
            clock.advance(30)


def test_a_server_that_accepts_slowly(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo, accepts=False)
    client = connect(server)
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(client.send, CHANGE) for _ in range(2)]
        threading.Event().wait(0.1)
        server.accepting.set()
        assert [call.result().attempts for call in calls] == [1, 1]


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
def test_an_address_that_never_answers_leaves_time_for_the_next(
    busy: FaultServer, serve: ServerFactory, connect: ClientFactory,
    monkeypatch: pytest.MonkeyPatch, request_: Request,
) -> None:  # fmt: skip
    server = serve(after=echo)
    resolve_to(monkeypatch, busy, server)
    response = connect(busy, open_timeout=2).send(request_)
    assert response.attempts == 1
    assert len(server.journal) == 1


def test_the_address_that_answered_last_is_tried_first(
    busy: FaultServer, serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    first_connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:
        asked.append(address[1])
        first_connect(self, address)

    one, other = serve(after=echo), serve(after=echo)
    client = connect(busy, open_timeout=2, keep_alive=False)
    resolve_to(monkeypatch, busy, one, other)
    client.send(CHANGE)
    monkeypatch.setattr(socket.socket, "connect", noted)
    for _ in range(3):
        client.send(CHANGE)
    assert asked == [one.port] * 3  # the one that never answers costs nothing more
    one.refuse()
    resolve_to(monkeypatch, one, other)
    client.send(CHANGE), client.send(CHANGE)
    assert asked[3:] == [one.port, other.port, other.port]


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_an_address_that_accepts_and_does_not_respond_is_tried_last(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch, keep_alive: bool, secure: bool,
) -> None:  # fmt: skip
    # Over TLS it does not even answer the handshake.
    dead = [serve(after=stall, handshake=not secure) for _ in range(2)]
    good = serve(after=echo, tls=tls if secure else None)
    client = connect(
        good, base_url=f"{'https' if secure else 'http'}://localhost:1", ssl_verify=authority[1],
        keep_alive=keep_alive, open_timeout=0.5, read_timeout=0.5, retry_interval=0,
    )  # fmt: skip
    resolve_to(monkeypatch, *dead, good)
    assert client.send(READ).attempts == 3
    assert client.send(CHANGE).attempts == 1
    # The one that answered last is no better than any other once it does not answer.
    good.refuse()
    dead[0].after, dead[0].handshake, dead[0].tls = echo, True, tls if secure else None
    assert client.send(READ).attempts < 4
    assert client.send(CHANGE).attempts == 1


def test_an_unsupported_address_family_is_skipped(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(after=echo)
    none = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", server.port, 0, 0))
    one = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))

    class Lacking(socket.socket):
        def __init__(self, family: int = -1, *arguments: Any, **options: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *arguments, **options)

    client = connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: [none, one])
        patch.setattr(socket, "socket", Lacking)
        assert client.send(CHANGE).attempts == 1


def test_the_limit_holds_for_all_addresses_together(
    busy: FaultServer, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float | None] = []
    settimeout = socket.socket.settimeout

    def noted(self: socket.socket, limit: float | None) -> None:
        limits.append(limit)
        settimeout(self, limit)

    resolve_to(monkeypatch, busy, busy, busy)
    client = connect(busy, open_timeout=0.3, max_retries=0)
    monkeypatch.setattr(socket.socket, "settimeout", noted)
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.send(CHANGE)
    assert caught.value.phase == "open"
    assert len(limits) == 3
    assert all(limit is not None and limit <= 0.1 for limit in limits)


def test_the_next_address_is_tried_when_one_refuses(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, alive = serve(), serve(after=echo)
    client = connect(dead)
    dead.refuse()
    resolve_to(monkeypatch, dead, dead, alive)
    assert client.send(CHANGE).attempts == 1
    alive.refuse()
    with pytest.raises(octaspace.ConnectionError, match="Connection refused") as caught:
        client.send(CHANGE)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")]
)
def test_a_name_that_cannot_be_resolved(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    client = connect(serve(), max_retries=0)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(
        octaspace.ConnectionError, match=r"Name or service not known|label too long"
    ) as caught:
        client.send(CHANGE)
    assert not caught.value.outcome_unknown


def test_an_ipv6_address(serve: ServerFactory, connect: ClientFactory) -> None:
    try:
        server = serve(after=echo, host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert connect(server).send(CHANGE).ok
    assert server.journal[0].headers["host"] == f"[::1]:{server.port}"


def test_an_interrupt_while_connecting_leaves_no_socket(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []

    def interrupt(self: socket.socket, address: Any) -> None:
        made.append(self)
        raise KeyboardInterrupt

    server = serve(after=echo)
    client = connect(server, pool_size=1)
    monkeypatch.setattr(socket.socket, "connect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.send(CHANGE)
    assert [sock.fileno() for sock in made] == [-1]
    monkeypatch.undo()
    assert client.send(CHANGE).ok  # its connection slot is free again
