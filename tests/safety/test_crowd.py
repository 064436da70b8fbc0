"""Many slow downloads and pages: health, static files and other browsers are still answered.

Real Gunicorn with several workers and threads, and an API that sends slowly or not at all.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.fault_server import Exchange, FaultServer
from tests.support.fault_server import http as message
from tests.support.running_playground import RunningPlayground
from tests.support.waiting import until

pytestmark = pytest.mark.gunicorn

WORKERS = 2
#: Concurrent pages of a worker; it then has two downloads, one per browser.
PAGES = 6
DOWNLOADS = 2

CLIENTS = 40


@dataclass
class Api:
    """An API that sends files slowly, and stalls everything else while `stalled` is set."""

    stalled: threading.Event = field(default_factory=threading.Event)
    dripping: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server = FaultServer(after=self._behave)

    def _behave(self, exchange: Exchange) -> bool:
        arrival = exchange.read_request()
        if arrival is None:
            return False
        if arrival.path.endswith("/logs"):
            self._drip(exchange)
            return False
        while self.stalled.is_set() and not self.server.stopping.wait(0.02):
            if _has_ended(exchange.sock):
                return False
        exchange.send(message(200, b"[]"))
        return True

    def _drip(self, exchange: Exchange) -> None:
        self.dripping.add(exchange.connection)
        try:
            exchange.send(
                message(200, headers={"Content-Type": "text/plain", "Content-Length": "1000000"})[:-2]
            )
            while not self.server.stopping.wait(0.05) and not _has_ended(exchange.sock):
                exchange.send(b"x")
        finally:
            self.dripping.discard(exchange.connection)


def _has_ended(sock: socket.socket) -> bool:
    readable, _, _ = select.select([sock], [], [], 0)
    return bool(readable) and not sock.recv(1, socket.MSG_PEEK)


@dataclass
class Browser:
    """A minimal browser: a cookie, a token, and connections that stay open."""

    port: int
    cookie: str = ""
    token: str = ""

    def get(self, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path, headers={"Connection": "close", "Cookie": self.cookie})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def arrive(self) -> Browser:
        status, headers, page = self.get("/playground/settings")
        assert status == 200
        self.cookie = str(headers["Set-Cookie"]).partition(";")[0]
        found = re.search(rb'name="csrf-token" content="([^"]+)"', page)
        assert found is not None
        self.token = found[1].decode()
        return self

    def begin(self, method: str, path: str, **fields: str) -> socket.socket:
        """Send a request without reading its response."""
        body = urlencode(fields)
        head = [
            f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Cookie: {self.cookie}",
            f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded", "", "",
        ]  # fmt: skip
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        sock.sendall("\r\n".join(head).encode() + body.encode())
        return sock

    def download(self, *, steps: bool = True) -> socket.socket:
        more = {"steps": "yes"} if steps else {}
        return self.begin("POST", "/playground/nodes/1/logs", csrf_token=self.token, **more)


def status_of(sock: socket.socket) -> tuple[int, str]:
    """The status of the response on a connection, and its headers."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(4096)
        assert piece, head
        head += piece
    return int(head.split(b" ", 2)[1]), head.partition(b"\r\n\r\n")[0].decode()


@contextmanager
def playground(folder: Path, api: Api, pages: int = PAGES) -> Iterator[RunningPlayground]:
    environment = {
        "OCTA_API_KEY": "the-key-of-the-operator", "OCTA_BASE_URL": api.server.url,
        "PLAYGROUND_THREADS": str(pages),
    }  # fmt: skip
    with RunningPlayground(folder, workers=WORKERS, environment=environment) as running:
        yield running


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.stalled.clear()
    made.server.close()


def port_of(running: RunningPlayground) -> int:
    return int(running.url.rpartition(":")[2])


def test_slow_downloads_block_no_other_requests(tmp_path: Path, api: Api) -> None:
    with playground(tmp_path, api) as running, ExitStack() as held:
        port = port_of(running)
        browsers = [Browser(port).arrive() for _ in range(CLIENTS)]
        begun = [held.enter_context(browser.download()) for browser in browsers]
        answers = [status_of(sock) for sock in begun]
        statuses = [status for status, _ in answers]
        assert set(statuses) == {200, 503}
        # A program's browser keeps no connection: the system chooses the worker of each one.
        assert 1 <= statuses.count(200) <= WORKERS * DOWNLOADS
        assert all("Retry-After: " in head for status, head in answers if status == 503)
        for _ in range(10):
            assert browsers[0].get("/healthz")[::2] == (200, b"ok\n")
            assert Browser(port).get("/playground/settings")[0] == 200
        until(lambda: len(api.dripping) == statuses.count(200))
        held.close()
        # All have disconnected: nothing is read from the API any more, and all can start again.
        until(lambda: not api.dripping)
        for browser in browsers[:3]:
            until(lambda browser=browser: first_status(browser) == 200)  # type: ignore[misc]


def first_status(browser: Browser) -> int:
    with browser.download() as sock:
        return status_of(sock)[0]


def test_disconnect_without_script_is_detected(tmp_path: Path, api: Api) -> None:
    """The response starts when the file is complete, so no earlier write could fail."""
    with playground(tmp_path, api) as running:
        browser = Browser(port_of(running)).arrive()
        sock = browser.download(steps=False)
        until(lambda: len(api.dripping) == 1)
        sock.close()
        until(lambda: not api.dripping)
        assert "Traceback" not in running.log()


def test_one_browser_is_limited_to_its_share(tmp_path: Path, api: Api) -> None:
    with playground(tmp_path, api) as running, ExitStack() as held:
        port = port_of(running)
        greedy, other = Browser(port).arrive(), Browser(port).arrive()
        statuses = [status_of(held.enter_context(greedy.download()))[0] for _ in range(30)]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) <= WORKERS, "one for each worker"
        with other.download() as sock:
            assert status_of(sock)[0] == 200


def test_stalled_pages_do_not_block_health_and_files(tmp_path: Path, api: Api) -> None:
    with playground(tmp_path, api) as running, ExitStack() as held:
        port = port_of(running)
        browsers = [Browser(port).arrive() for _ in range(CLIENTS)]
        _, _, page = browsers[0].get("/playground/settings")
        sheet = re.search(rb'href="(/static[^"]+\.css)"', page)
        assert sheet is not None
        api.stalled.set()
        waiting = [held.enter_context(browser.begin("GET", "/playground/apps")) for browser in browsers]
        for _ in range(5):
            assert browsers[0].get("/healthz")[::2] == (200, b"ok\n")
            assert browsers[0].get(sheet[1].decode())[0] == 200
            status, headers, _ = browsers[0].get("/playground/settings")
            assert status == 200 or int(headers["Retry-After"]) > 0
        api.stalled.clear()
        statuses = [status_of(sock)[0] for sock in waiting]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= PAGES
        assert browsers[0].get("/playground/apps")[0] == 200


def test_health_answers_with_one_page_thread(tmp_path: Path, api: Api) -> None:
    with playground(tmp_path, api, pages=1) as running, ExitStack() as held:
        port = port_of(running)
        browsers = [Browser(port).arrive() for _ in range(10)]
        api.stalled.set()
        for browser in browsers:
            held.enter_context(browser.begin("GET", "/playground/apps"))
        until(lambda: any(arrival.path == "/apps" for arrival in api.server.journal))
        for _ in range(5):
            assert browsers[0].get("/healthz")[::2] == (200, b"ok\n")
        api.stalled.clear()
        until(lambda: browsers[0].get("/playground/settings")[0] == 200)
