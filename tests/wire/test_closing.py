"""Closing a client: explicitly, during calls, or by deleting it. No socket stays open."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

import octaspace
from octaspace import Client
from octaspace.transport.closing import ClosingSignal
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, answer, close_after_reading, echo, truncate
from tests.support.gate import Gate
from tests.support.waiting import until

from .conftest import ClientFactory, ServerFactory, Way
from .requests_to_send import CHANGE, READ


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")


def test_close_closes_every_socket_and_ends_the_client(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers)
    derived = client.with_options(api_key="sk-other")
    for _ in range(4):
        client.send(READ), derived.send(READ)
    client.close()
    client.shutdown()
    until(lambda: sum(server.open_count for server in servers) == 0)
    for ended in (client, derived):
        with pytest.raises(octaspace.ConfigurationError, match="closed"):
            ended.send(READ)


def test_an_unused_client_can_be_closed(serve: ServerFactory, connect: ClientFactory) -> None:
    client = connect(serve())
    client.close()
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        client.send(READ)


def test_a_request_under_way_is_finished_before_its_socket_is_closed(
    serve: ServerFactory, connect: ClientFactory
) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.send, READ)
        gate.arrived.acquire()
        client.close()
        gate.open()
        assert held.result().ok
    until(lambda: server.open_count == 0)


def test_one_that_waits_for_a_connection_is_not_sent(serve: ServerFactory, connect: ClientFactory) -> None:
    gate = Gate()
    server = serve(after=gate)
    client = connect(server, pool_size=1, pool_timeout=None)
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(client.send, READ)
        gate.arrived.acquire()
        waiting = threads.submit(client.send, CHANGE)
        until(lambda: client.transport_stats()["requests"] == 2)
        client.close()
        gate.open()
        assert held.result().ok
        with pytest.raises(octaspace.ConfigurationError, match="closed during the call"):
            waiting.result()
    assert [arrival.method for arrival in server.journal] == ["GET"]
    until(lambda: server.open_count == 0)


@pytest.mark.parametrize("which", ["itself", "its parent"])
def test_one_that_waits_for_a_retry_is_not_sent_again(
    serve: ServerFactory, connect: ClientFactory, clock: FakeClock, which: str
) -> None:
    server = serve(after=answer(status=503))
    parent = connect(server)
    client = parent.with_options(max_retries=5)
    clock.on_sleep = (client if which == "itself" else parent).close
    with pytest.raises(
        octaspace.ConfigurationError, match="GET /nodes: the client was closed during the call"
    ):
        client.send(READ)
    assert len(server.journal) == 1


def test_closing_between_the_last_check_and_sending(
    serve: ServerFactory, connect: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(after=echo)
    client = connect(server)
    look = requests.sessions.get_environ_proxies

    def close_meanwhile(*arguments: Any, **options: Any) -> Any:
        client.close()
        return look(*arguments, **options)

    monkeypatch.setattr(requests.sessions, "get_environ_proxies", close_meanwhile)
    assert client.send(CHANGE).ok  # it was in progress
    until(lambda: server.open_count == 0)  # though its pool was made after all others were closed


def test_closing_in_the_middle_of_many_calls(way: Way) -> None:
    servers = way.servers(after=echo)
    client = way.client(servers, pool_size=3, pool_timeout=60)
    ends: Counter[str] = Counter()

    def call() -> None:
        while True:
            try:
                client.send(CHANGE)
            except octaspace.ConfigurationError:
                ends["closed"] += 1
                return

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(servers[0].journal) > 20)
    client.close()
    for thread in threads:
        thread.join(30)
    assert ends == {"closed": 8}
    until(lambda: sum(server.open_count for server in servers) == 0)


def test_a_derived_client_opens_and_closes_no_socket(serve: ServerFactory, connect: ClientFactory) -> None:
    server = serve(after=echo)
    client = connect(server)
    derived = client.with_options(api_key="sk-other", read_timeout=1, max_retries=0)
    assert client.send(READ).data["connection"] == derived.send(READ).data["connection"] == 1
    assert [a.headers["authorization"] for a in server.journal] == ["sk-secret", "sk-other"]
    assert derived.transport_stats() == client.transport_stats()
    derived.close()
    assert client.send(READ).data["connection"] == 1
    with pytest.raises(octaspace.ConfigurationError, match="closed"):
        derived.send(READ)


def use_and_drop(server: FaultServer, trust: Any) -> None:
    client = octaspace.Client(base_url=server.url, keep_alive=True, ssl_verify=trust, max_retries=0)
    for request in (READ, CHANGE, READ, CHANGE):
        with contextlib.suppress(octaspace.NetworkError):
            client.with_options(api_key="sk-other").send(request)


@needs_proc
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_dropped_client_leaks_nothing(
    serve: ServerFactory, secure: bool, tls: Any, authority: tuple[Any, Path]
) -> None:
    """Without `gc.collect()`: there is no reference cycle. A warning would fail the test."""
    script = [echo, close_after_reading, echo, echo, truncate, echo, echo, echo] * 9
    server = serve(*script, after=echo, tls=tls if secure else None)
    trust = str(authority[1]) if secure else True
    use_and_drop(server, trust)
    before = descriptors()
    gc.disable()
    try:
        for _ in range(20):
            use_and_drop(server, trust)
        until(lambda: server.open_count == 0)
        until(lambda: descriptors() <= before)
    finally:
        gc.enable()


def test_a_dropped_client_is_freed_at_once(serve: ServerFactory) -> None:
    client = Client(base_url=serve(after=echo).url, keep_alive=True)
    client.send(READ)
    reference = weakref.ref(client)
    gc.disable()
    try:
        del client
        assert reference() is None
    finally:
        gc.enable()


def test_interpreter_exit_closes_the_client(serve: ServerFactory) -> None:
    server = serve(after=echo)
    script = (
        "import sys, octaspace\n"
        "client = octaspace.Client(base_url=sys.argv[1], keep_alive=True)\n"
        "client.send(octaspace.Request('GET', '/nodes'))\n"
        "octaspace.configure(base_url=sys.argv[1], keep_alive=True)\n"
        "octaspace.client().send(octaspace.Request('GET', '/nodes'))\n"
    )
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, server.url],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    until(lambda: server.open_count == 0)


@pytest.mark.parametrize("closed", ["the client", "its parent"])
def test_closing_ends_a_wait_between_two_attempts(serve: ServerFactory, closed: str) -> None:
    server = serve(after=answer(status=503))
    errors: list[Exception] = []
    with Client("sk-secret", base_url=server.url, retry_interval=86400) as parent:
        client = parent.with_options()

        def call() -> None:
            try:
                client.send(READ)
            except octaspace.Error as error:
                errors.append(error)

        waiting = threading.Thread(target=call)
        waiting.start()
        until(lambda: parent.transport_stats()["retries"] == 1)
        (client if closed == "the client" else parent).close()
        waiting.join(60)
        assert not waiting.is_alive()
    assert [type(error) for error in errors] == [octaspace.ConfigurationError]
    assert len(server.journal) == 1


def test_closing_a_copy_ends_no_wait_of_another() -> None:
    signal, closed = ClosingSignal(), {"a": threading.Event(), "b": threading.Event()}
    over: list[str] = []

    def wait(name: str) -> None:
        signal.wait(86400, closed[name].is_set)
        over.append(name)

    threads = [threading.Thread(target=wait, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    signal.notify()
    closed["a"].set()
    signal.notify()
    threads[0].join(60)
    assert over == ["a"]
    closed["b"].set()
    signal.notify()
    threads[1].join(60)
    assert over == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_closes_although_a_thread_of_its_parent_held_the_signal() -> None:
    signal = ClosingSignal()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with signal._condition:
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.notify()
        os._exit(0)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
