"""The life of a `SandboxServer`: its ports, threads and sockets, and the application without a server."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import requests

from octaspace.sandbox import ManualClock, PortInUseError, SandboxApp, SandboxServer, World

from ..support.waiting import until
from .raw_client import RawClient


@pytest.fixture
def threads() -> Callable[[], list[str]]:
    """Names of the sandbox threads that the test started; threads of other tests may exist too."""
    before = set(threading.enumerate())
    return lambda: [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("sandbox-") and thread not in before
    ]


def test_stopping_leaves_no_thread_and_no_open_port(threads: Callable[[], list[str]]) -> None:
    with contextlib.ExitStack() as stack:
        with SandboxServer(ports=(0, 0), control_port=0) as sandbox:
            ports = [*sandbox.ports, int(sandbox.control_url.rsplit(":", 1)[1].partition("/")[0])]
            clients = [stack.enter_context(RawClient(port)) for port in ports]
            for client in clients:
                client.request("GET /_sandbox/health")
                assert client.answer().status == 200
            assert len(threads()) == 6  # One that accepts and one that serves, for each port.
        assert threads() == []
        for client in clients:
            assert client.rest() == b""
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_a_change_held_back_is_not_carried_out_after_the_stop(running: SandboxServer) -> None:
    running.faults.add("slow", seconds=600)
    with RawClient(running.ports[0]) as raw:
        raw.request("POST /accounts")
        until(lambda: running.journal.entries() != [])
        running.stop()
        assert raw.rest() == b""
    [entry] = running.journal.entries()
    assert (entry.carried_out, entry.done) == (False, True)


@pytest.fixture
def running() -> Iterator[SandboxServer]:
    sandbox = SandboxServer(ports=(0,)).start()
    yield sandbox
    sandbox.stop()


def test_a_client_that_does_not_read_cannot_hold_up_the_stop(
    threads: Callable[[], list[str]], running: SandboxServer
) -> None:
    running.reset(dataset="large")
    with RawClient(running.ports[0]) as raw:
        for _ in range(40):  # These 50 MB are never read.
            raw.request("GET /nodes")

        def is_stuck() -> bool:
            before = len(running.journal.entries())
            time.sleep(0.2)
            return 0 < before == len(running.journal.entries()) < 40

        until(is_stuck)
        running.stop()
        assert threads() == []


@pytest.mark.parametrize("kind", ["stall", "stall_body", "slow", "drip"])
def test_stopping_does_not_wait_for_faults(
    threads: Callable[[], list[str]], running: SandboxServer, kind: str
) -> None:
    options = {"seconds": 600} if kind in ("slow", "drip") else {}
    running.faults.add(kind, **options)
    with RawClient(running.ports[0]) as raw:
        raw.request("GET /network")
        until(lambda: running.journal.entries() != [])
        running.stop()
        raw.rest()
    assert threads() == []


def test_a_sandbox_is_started_once_and_stopped_as_often_as_one_likes(running: SandboxServer) -> None:
    with pytest.raises(RuntimeError, match="started once"):
        running.start()
    running.stop()
    running.stop()
    with pytest.raises(RuntimeError, match="started once"):
        running.start()


def test_a_port_that_is_taken_is_named_and_the_others_are_closed(threads: Callable[[], list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        sandbox = SandboxServer(ports=(0, number))
        with pytest.raises(PortInUseError, match=f"port {number} on 127.0.0.1 is in use"):
            sandbox.start()
    assert sandbox.ports == []
    assert threads() == []


def test_the_same_port_can_be_had_again_at_once() -> None:
    with SandboxServer(ports=(0,)) as first:
        port = first.ports[0]
        requests.get(f"{first.url}/network", timeout=10)
    with SandboxServer(ports=(port,)) as second:
        assert second.ports == [port]


def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with SandboxServer(ports=(0,), host="::1") as sandbox:
        assert sandbox.url == f"http://[::1]:{sandbox.ports[0]}"
        assert requests.get(f"{sandbox.url}/network", timeout=10).status_code == 200
        assert requests.get(f"{sandbox.control_url}/health", timeout=10).json()["ok"] is True


def test_a_fault_of_the_sandbox_itself_is_answered_and_said(
    running: SandboxServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running.world, "network", lambda: 1 / 0)
    answer = requests.get(f"{running.url}/network", timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (500, "internal error")
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert running.journal.entries()[0].status == 500


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nodes", b"", "200 OK"),
        ("HEAD", "/nodes", b"", "200 OK"),
        ("GET", "/nodes/9001/ident", b"", "200 OK"),
        ("POST", "/services/vpn", b'{"node_id": 9301}', "201 Created"),
        ("GET", "/nodes/1", b"", "404 Not Found"),
    ],
)
def test_the_application_is_wsgi_for_any_server(method: str, path: str, body: bytes, status: str) -> None:
    app = validator(SandboxApp(World(clock=ManualClock())))
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": "k",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    setup_testing_defaults(environ)
    started: list[Any] = []
    result = app(environ, lambda *arguments: started.append(arguments))  # type: ignore[arg-type]
    content = b"".join(result)
    result.close()  # type: ignore[attr-defined]
    assert started[0][0] == status
    assert bool(content) == (method != "HEAD")
