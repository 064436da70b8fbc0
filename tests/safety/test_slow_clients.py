"""Slow clients with the documented nginx configuration: they do not block threads of the app."""

from __future__ import annotations

import re
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.certificates import Authority
from tests.support.launched_playground import Launched
from tests.support.nginx_example import NAME, NginxExample
from tests.support.running_playground import ROOT, RunningPlayground
from tests.support.waiting import until

pytestmark = pytest.mark.gunicorn

PASSWORD = "correct horse battery"
LOGIN = "/playground/login"
THREADS = 4

GUARDED = {"PLAYGROUND_PASSWORD": PASSWORD, "PLAYGROUND_HOSTS": NAME, "PLAYGROUND_THREADS": str(THREADS)}


@dataclass
class Site:
    """The playground behind nginx."""

    running: RunningPlayground
    port: int
    trust: ssl.SSLContext

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        return self.trust.wrap_socket(plain, server_hostname=NAME)

    def ask(self, request: bytes, source: str = "127.0.0.1") -> tuple[int, bytes]:
        """Send a complete request; return status and response."""
        with self.connect(source) as connection:
            connection.sendall(request)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
        assert found is not None, answer[:500]
        return int(found[1]), answer

    def head(self, method: str, path: str, *fields: str, host: str | None = None) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'{NAME}:{self.port}'}", "Connection: close"]
        return "\r\n".join([*lines, *fields, "", ""]).encode()

    def enter(self, password: str, *fields: str, source: str = "127.0.0.1") -> tuple[int, bytes]:
        """Load the form as a browser does, and send a password."""
        _, page = self.ask(self.head("GET", LOGIN), source)
        token = re.search(rb'name="csrf_token" value="([^"]+)"', page)
        cookie = re.search(rb"(?mi)^set-cookie: ([^;]+)", page)
        assert token is not None
        assert cookie is not None
        body = urlencode({"csrf_token": token[1].decode(), "password": password})
        return self.ask(
            self.head(
                "POST", LOGIN, f"Content-Length: {len(body)}", f"Cookie: {cookie[1].decode()}",
                "Content-Type: application/x-www-form-urlencoded", f"Origin: https://{NAME}:{self.port}",
                f"Referer: https://{NAME}:{self.port}{LOGIN}", "Sec-Fetch-Site: same-origin", *fields,
            ) + body.encode(),
            source,
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority = Authority(tmp_path)
    environment = {**GUARDED, "PLAYGROUND_PROXY_HOPS": "1"}
    with RunningPlayground(tmp_path, workers=1, environment=environment) as running:
        upstream = f"server {running.url.removeprefix('http://')};"
        with NginxExample(tmp_path / "nginx", authority.certificate(NAME), [upstream]) as nginx:
            yield Site(running, nginx.port, ssl.create_default_context(cafile=str(authority.bundle)))


def test_incomplete_headers_block_no_other_client(site: Site) -> None:
    with ExitStack() as slow:
        connections = [slow.enter_context(site.connect()) for _ in range(40)]
        for number, connection in enumerate(connections):
            connection.sendall(f"GET {LOGIN} HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: {number}".encode())
        for _ in range(3 * THREADS):
            assert site.ask(site.head("GET", "/healthz"))[0] == 200
        assert site.enter(PASSWORD)[0] == 303
        # And nginx does not wait for them indefinitely.
        connections[0].settimeout(60)
        with suppress(ConnectionResetError):  # nginx has closed it, and something of ours was not read
            assert connections[0].recv(100) == b""


def test_incomplete_bodies_and_unread_responses_block_no_other_client(site: Site) -> None:
    static = re.search(rb'href="(/[^"]+bootstrap[^"]+\.css)"', site.ask(site.head("GET", LOGIN))[1])
    assert static is not None
    with ExitStack() as slow:
        for _ in range(12):
            connection = slow.enter_context(site.connect())
            connection.sendall(site.head("POST", LOGIN, "Content-Length: 1000") + b"password=")
            connection = slow.enter_context(site.connect())
            connection.sendall(site.head("GET", static[1].decode()))
        for _ in range(3 * THREADS):
            assert site.ask(site.head("GET", "/healthz"))[0] == 200
        assert site.enter(PASSWORD)[0] == 303


def test_connections_per_address_are_limited(site: Site) -> None:
    with ExitStack() as slow:
        for _ in range(32):
            connection = slow.enter_context(site.connect("127.0.0.2"))
            connection.sendall(site.head("POST", LOGIN, "Content-Length: 1000") + b"password=")
        until(lambda: site.ask(site.head("GET", "/healthz"), "127.0.0.2")[0] == 429)
        assert site.ask(site.head("GET", "/healthz"), "127.0.0.3")[0] == 200


def test_nginx_refuses_large_requests(site: Site) -> None:
    before = site.running.log()
    statuses = {
        "head": site.ask(site.head("GET", "/healthz", f"X-Large: {'x' * 9000}"))[0],
        "heads": site.ask(site.head("GET", "/healthz", *(f"X-{n}: {'x' * 6000}" for n in range(8))))[0],
        "line": site.ask(site.head("GET", "/" + "x" * 9000))[0],
        "body": site.ask(site.head("POST", LOGIN, "Content-Length: 300000"))[0],
    }
    assert statuses == {"head": 400, "heads": 400, "line": 414, "body": 413}
    assert site.running.log() == before, "nothing of it came through"


def test_client_address_is_the_one_nginx_saw(site: Site) -> None:
    """Headers of the client are ignored; forms, cookies and host names depend on the real connection."""
    for number, source in enumerate(("127.0.0.2", "127.0.0.2", "127.0.0.3")):
        forged = (
            f"X-Forwarded-For: 198.51.100.{number}",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: evil.example",
        )
        assert site.enter("wrong", *forged, source=source)[0] == 401
    with closing(sqlite3.connect(site.running.state_dir / "playground.sqlite3")) as database:
        counted = dict(database.execute("SELECT address, count FROM login_attempts").fetchall())
    assert counted == {"127.0.0.2": 2, "127.0.0.3": 1, "*": 3}
    status, answer = site.enter(PASSWORD)
    assert status == 303
    assert re.search(rb"(?mi)^set-cookie: .*; Secure", answer)
    assert site.ask(site.head("GET", LOGIN, host="evil.example"))[0] == 400
    assert site.ask(site.head("GET", LOGIN, "X-Forwarded-Host: qa.example", host="evil.example"))[0] == 400
    assert site.ask(site.head("GET", LOGIN, host="evil.example,qa.example"))[0] == 400


def test_public_address_without_proxy_logs_a_warning(tmp_path: Path) -> None:
    launched = Launched(tmp_path, "--port", "0", "--host", "0.0.0.0", "--workers", "1", **GUARDED)
    try:
        launched.address()
        (line,) = [line for line in launched.text().splitlines() if "nginx.conf.example" in line]
        assert "Others can reach 0.0.0.0:" in line
        launched.process.terminate()
        assert launched.wait() == 0
    finally:
        launched.end()


def test_gunicorn_limits_headers(tmp_path: Path) -> None:
    with RunningPlayground(tmp_path, workers=1) as running:
        assert "nginx.conf.example" not in running.log(), "on loopback there is nothing to say"
        site = Plain(int(running.url.rpartition(":")[2]))
        assert site.status("/healthz", [f"X-{number}: 1" for number in range(60)]) == 200
        assert site.status("/healthz", [f"X-{number}: 1" for number in range(70)]) == 431
        assert site.status("/healthz", [f"X-Large: {'x' * 9000}"]) == 431
        assert site.status("/" + "x" * 5000, []) == 414


@dataclass
class Plain:
    """Gunicorn without a proxy."""

    port: int

    def status(self, path: str, fields: list[str]) -> int:
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields, "", ""])
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(head.encode())
            return int(connection.recv(65536).split()[1])


def test_documentation_shows_the_tested_nginx_file() -> None:
    assert "```{literalinclude} nginx.conf.example" in (ROOT / "docs" / "playground.md").read_text()
