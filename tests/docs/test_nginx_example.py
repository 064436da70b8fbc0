"""docs/nginx.conf.example with two upstreams that fail: what is passed on to the other one."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from ..support.certificates import Authority
from ..support.fault_server import FaultServer, answer, close_after_reading
from ..support.nginx_example import NginxExample


class Front:
    """nginx in front of two servers.

    Args:
        folder: Its own folder.
        servers: Those that answer.
        off: The address of one that does not.
    """

    def __init__(self, folder: Path, servers: Sequence[FaultServer], off: str = "") -> None:
        authority = Authority(folder)
        addresses = [*filter(None, [off]), *(server.url.removeprefix("http://") for server in servers)]
        # As on the page: it may try each of them again at once.
        lines = [f"server {address} max_fails=0;" for address in addresses]
        self.servers = servers
        self.nginx = NginxExample(folder / "nginx", authority.certificate("127.0.0.1"), lines)
        context = ssl.create_default_context(cafile=str(authority.bundle))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def status(self, method: str) -> int:
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.nginx.port}/", data=b"a=b" if method == "POST" else None, method=method
        )
        try:
            with self._opener.open(request, timeout=60) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    def arrived(self) -> int:
        return sum(len(server.journal) for server in self.servers)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with FaultServer() as first, FaultServer() as second:
        front = Front(tmp_path, (first, second))
        with front.nginx:
            yield front


def test_a_post_that_was_sent_is_not_sent_again(front: Front) -> None:
    for server in front.servers:
        server.then(*[close_after_reading] * 4)
    for number in range(4):
        assert front.status("POST") == 502
        assert front.arrived() == number + 1


def test_a_post_that_was_not_sent_is_passed_on(front: Front) -> None:
    first, second = front.servers
    first.refuse()
    second.then(*[answer({})] * 4)
    for number in range(4):
        assert front.status("POST") == 200
        assert front.arrived() == number + 1


def test_a_get_is_passed_on_once(front: Front) -> None:
    for server in front.servers:
        server.then(*[close_after_reading] * 4)
    assert front.status("GET") == 502
    assert front.arrived() == 2


def test_what_a_machine_that_is_switched_off_did_not_get_is_passed_on(tmp_path: Path) -> None:
    """Its connections time out; the form has not been sent."""
    with ExitStack() as stack:
        off = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        running = stack.enter_context(FaultServer())
        for _ in range(4):  # the queue of connections is full: Linux ignores the next ones
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(off.getsockname())
        running.then(*[answer({})] * 4)
        front = Front(tmp_path, [running], f"127.0.0.1:{off.getsockname()[1]}")
        with front.nginx:
            for number in range(4):
                assert front.status("POST" if number < 2 else "GET") == 200
                assert front.arrived() == number + 1
            tried = front.nginx.upstreams_of("")
        assert any(", " in addresses for addresses in tried), "one of them was tried in vain"
