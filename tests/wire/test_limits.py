"""Each limit holds on a real socket, and its error names it."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

import octaspace
from octaspace import Request
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import (
    Behaviour,
    answer,
    drip,
    http,
    never_read,
    read_slowly,
    stall,
    stall_in_body,
)

from .conftest import ClientFactory, ServerFactory
from .requests_to_send import CHANGE, READ

LARGE = Request("POST", "/services/mr", body={"env": "x" * 8_000_000})


@pytest.mark.parametrize("keep_alive", [True, False])
def test_read_timeout(serve: ServerFactory, connect: ClientFactory, keep_alive: bool) -> None:
    client = connect(serve(after=stall), read_timeout=0.1, max_retries=0, keep_alive=keep_alive)
    with pytest.raises(octaspace.TimeoutError, match=r"read_timeout=0\.1 s") as caught:
        client.send(READ)
    assert caught.value.phase == "read"


def test_read_timeout_holds_on_a_reused_connection(serve: ServerFactory, connect: ClientFactory) -> None:
    patient = connect(serve(answer(), after=stall), max_retries=0)
    patient.send(READ)
    with pytest.raises(octaspace.TimeoutError) as caught:
        patient.with_options(read_timeout=0.1).send(READ)
    assert caught.value.phase == "read"


def test_read_timeout_in_the_body(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve(after=stall_in_body), read_timeout=0.1, max_retries=0)
    with pytest.raises(octaspace.TimeoutError) as caught:
        client.send(READ)
    assert caught.value.phase == "read"


@pytest.mark.parametrize("reused", [False, True], ids=["fresh", "reused"])
@pytest.mark.parametrize("fault", [never_read, read_slowly])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_write_timeout_is_that_of_the_whole_request(
    serve: ServerFactory, connect: ClientFactory, tls: ssl.SSLContext, authority: tuple[object, Path],
    reused: bool, fault: Behaviour, secure: bool,
) -> None:  # fmt: skip
    server = serve(*([answer()] if reused else []), after=fault, tls=tls if secure else None)
    trust = authority[1] if secure else True
    client = connect(server, write_timeout=0.2, read_timeout=30, open_timeout=30, ssl_verify=trust)
    if reused:
        client.send(READ)
    with pytest.raises(octaspace.TimeoutError, match=r"write_timeout=0\.2 s") as caught:
        client.send(LARGE)
    assert caught.value.phase == "write"
    assert caught.value.outcome_unknown


def test_open_timeout_covers_the_tls_handshake(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(handshake=False)
    client = connect(server, base_url=server.url.replace("http", "https"), open_timeout=0.1)
    with pytest.raises(octaspace.TimeoutError, match=r"open_timeout=0\.1 s") as caught:
        client.send(CHANGE)
    assert caught.value.phase == "open"
    assert not caught.value.outcome_unknown
    assert caught.value.attempts == 3  # never sent, so a change is retried as well


@pytest.mark.parametrize("request_", [READ, CHANGE], ids=["get", "post"])
@pytest.mark.parametrize(
    "fault",
    [stall, stall_in_body, drip(http(), 0.05), drip(http(200, b"[" + b" " * 500 + b"]"), 0.01)],
    ids=["stall", "stall-in-body", "drip-headers", "drip-body"],
)
def test_total_timeout_ends_what_no_single_wait_would(
    serve: ServerFactory, connect: ClientFactory, request_: Request, fault: object
) -> None:
    client = octaspace.Client(base_url=serve(after=fault).url, total_timeout=0.3, keep_alive=True)
    with client, pytest.raises(octaspace.TimeoutError, match=r"within 0\.3 s") as caught:
        client.send(request_)
    assert caught.value.phase == "total"
    assert caught.value.outcome_unknown is (request_ is CHANGE)


def test_total_timeout_bounds_the_sending(serve: ServerFactory) -> None:
    client = octaspace.Client(base_url=serve(after=never_read).url, total_timeout=0.2)
    with client, pytest.raises(octaspace.TimeoutError) as caught:
        client.send(LARGE)
    assert caught.value.phase == "total"


def test_total_timeout_does_not_start_a_wait_beyond_it(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer(status=503, headers={"Retry-After": "20"}))
    with pytest.raises(octaspace.TimeoutError, match="in 20 s, after status 503") as caught:
        connect(server, total_timeout=10).send(READ)
    assert caught.value.phase == "total"
    assert clock.slept == []


def test_total_timeout_counts_the_waits(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    server = serve(after=answer(status=503))
    with pytest.raises(octaspace.TimeoutError):
        connect(server, total_timeout=2, max_retries=10).send(READ)
    assert clock.slept == [0.5, 1.0]


def test_the_limit_of_one_call_adds_to_that_of_the_client(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    client = connect(serve(after=answer(status=503)), total_timeout=100)
    with pytest.raises(octaspace.TimeoutError, match=r"within 0\.4 s"):
        client.send(READ, timeout=0.4)
    with pytest.raises(octaspace.ServiceUnavailableError):
        client.send(READ, timeout=1000)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_no_limit_is_possible(serve: ServerFactory, connect: ClientFactory, keep_alive: bool) -> None:
    none = {"open_timeout": None, "read_timeout": None, "write_timeout": None, "pool_timeout": None}
    client = connect(serve(), **none, idle_timeout=None, keep_alive=keep_alive)
    assert client.send(READ).ok
    assert client.send(CHANGE).ok


@pytest.mark.parametrize("phase", ["open", "read", "write"])
def test_without_a_limit_the_operating_systems_own_is_named(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    def give_up(*_: object, **__: object) -> None:
        raise TimeoutError(110, "Connection timed out")

    step = {"open": "connect", "write": "sendall", "read": "recv_into"}[phase]
    monkeypatch.setattr(socket.socket, step, give_up)
    client = connect(serve(), max_retries=0, **{f"{phase}_timeout": None})
    with pytest.raises(octaspace.TimeoutError, match=r"(?i)timed out") as caught:
        client.send(READ)
    assert caught.value.phase == phase
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("value", "slept", "retry_after"),
    [
        ("7", [7.0], 7.0),
        ("1.5", [1.5], 1.5),
        ("0", [0.0], 0.0),
        ("Fri, 01 Jan 2010 00:00:00 GMT", [0.0], 0.0),
        ("Friday, 01-Jan-10 00:00:00 GMT", [0.0], 0.0),
        ("soon", [0.5], None),
        ("-5", [0.5], None),
        ("7, 8", [0.5], None),
        ("\u0667".encode().decode("latin-1"), [0.5], None),
        ("Fri, 99 Foo 2010", [0.5], None),
        ("nan", [0.5], None),
        ("inf", [0.5], None),
    ],
)
def test_retry_after_in_every_form(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock,
    value: str, slept: list[float], retry_after: float | None,
) -> None:  # fmt: skip
    busy = answer(status=429, headers={"Retry-After": value})
    client = connect(serve(busy, after=answer({"fine": True})))
    assert client.send(READ).data == {"fine": True}
    assert clock.slept == slept
    with pytest.raises(octaspace.RateLimitError) as caught:
        connect(serve(after=busy), max_retries=0).send(READ)
    assert caught.value.retry_after == retry_after


@pytest.mark.parametrize(
    "value", ["61", "9" * 400, "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"], ids=["a", "b", "c", "d"]
)
def test_a_retry_after_that_is_too_long_is_not_waited_for(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, value: str
) -> None:
    server = serve(after=answer(status=503, headers={"Retry-After": value}))
    with pytest.raises(octaspace.ServiceUnavailableError) as caught:
        connect(server, max_retry_after=60).send(READ)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60
    assert len(server.journal) == 1
    assert clock.slept == []


def test_a_retry_after_date_is_waited_for(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock
) -> None:
    moment = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=40), usegmt=True)
    server = serve(answer(status=503, headers={"Retry-After": moment}))
    assert connect(server).send(READ).ok
    assert 0 < clock.slept[0] <= 40
