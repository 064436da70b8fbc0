"""The login under load: the password works whatever others do, and guessing stays slow.

Real workers share what they count over a file and over Redis.
"""

from __future__ import annotations

import http.client
import itertools
import re
import socket
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response

from playground.web.proxy_headers import behind_proxies
from tests.playground.conftest import redis_server
from tests.support.redis_server import RedisServer
from tests.support.running_playground import RunningPlayground, free_port
from tests.support.waiting import until

__all__ = ["redis_server"]

PASSWORD = "correct horse battery"
GUARDED = {"PLAYGROUND_PASSWORD": PASSWORD, "PLAYGROUND_HOSTS": "qa.example"}
LOGIN = "/playground/login"


class Client:
    """A client of the login with a loopback address.

    A client that is `one_of_many` retries while the slots of its address are taken.
    """

    def __init__(
        self, port: int, *, source: str = "127.0.0.1", host: str = "127.0.0.1", one_of_many: bool = False
    ) -> None:
        self._port, self._source, self._host = port, source, host
        self.headers: dict[str, str] = {}
        answer, page = self._send("GET", LOGIN)
        while one_of_many and answer.status == 429:
            answer, page = self._send("GET", LOGIN)
        assert answer.status == 200, page
        found = re.search(rb'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        self._token = found[1].decode()
        self._cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]

    def enter(self, password: str) -> int:
        """Send a password and return the status."""
        body = urlencode({"csrf_token": self._token, "password": password})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self._cookie}
        return self._send("POST", LOGIN, body, kind)[0].status

    def _send(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        source = None if ":" in self._host else (self._source, 0)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=60, source_address=source)
        with closing(connection):
            sent = {"Connection": "close", "Host": "localhost", **self.headers, **(headers or {})}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer, answer.read()


class Crowd:
    """Threads that send wrong passwords as fast as they are answered, each try under another name."""

    def __init__(self, port: int, threads: int, chain: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._chain = chain
        self._threads = [threading.Thread(target=self._guess, args=(port,)) for _ in range(threads)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _guess(self, port: int) -> None:
        client = Client(port, one_of_many=True)
        while not self._stop.is_set():
            number = next(self._numbers)
            forged = f"198.51.{number // 250 % 250}.{number % 250}"
            client.headers = {"X-Forwarded-For": self._chain.format(forged=forged)}
            self.statuses[client.enter(f"wrong {number}")] += 1


#: How a crowd reaches the app: variables of the playground, `X-Forwarded-For`, and its attempts before ours.
CROWDS = {
    "no proxy": ({}, "{forged}", 8),
    # The test acts as the proxy, which appends on the right of the client's value.
    "forged before the proxy": ({"PLAYGROUND_PROXY_HOPS": "1"}, "{forged}, 127.0.0.1", 8),
    "many real addresses": ({"PLAYGROUND_PROXY_HOPS": "1"}, "127.0.0.1, {forged}", 80),
    "no address at all": ({"PLAYGROUND_PROXY_HOPS": "1"}, "127.0.0.1, name-{forged}", 8),
}


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    server: RedisServer = request.getfixturevalue("redis_server")
    with server.client() as client:
        client.flushall()
    return {"PLAYGROUND_REDIS_URL": server.url}


@pytest.fixture
def running(
    store: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[RunningPlayground]:
    given = getattr(request, "param", {})
    with RunningPlayground(tmp_path, workers=2, environment={**GUARDED, **store, **given}) as playground:
        yield playground


def port_of(running: RunningPlayground) -> int:
    return int(running.url.rpartition(":")[2])


@pytest.mark.gunicorn
@pytest.mark.parametrize(
    ("store", "running", "chain", "before"),
    # Which address counts does not depend on the store, and each store has one address and many.
    [
        pytest.param(store, *CROWDS[name], id=f"{store}-{name}")
        for store, name in (
            ("redis", "no proxy"), ("redis", "many real addresses"), ("redis", "no address at all"),
            ("sqlite", "forged before the proxy"), ("sqlite", "many real addresses"),
        )
    ],
    indirect=["store", "running"],
)  # fmt: skip
def test_password_works_while_two_clients_guess(running: RunningPlayground, chain: str, before: int) -> None:
    port = port_of(running)
    with Crowd(port, 2, chain) as crowd:
        until(lambda: crowd.statuses.total() > before)
        for _ in range(3):
            # It shares the address of the crowd if the crowd has one.
            assert Client(port).enter(PASSWORD) == 303
    assert set(crowd.statuses) <= {401, 429}
    assert "Traceback" not in running.log()


@pytest.mark.gunicorn
def test_login_from_another_address_works_during_a_flood(running: RunningPlayground) -> None:
    port = port_of(running)
    with Crowd(port, 24, "") as crowd:
        until(lambda: crowd.statuses[429] > 40)
        for number in range(2, 7):
            assert Client(port, source=f"127.0.0.{number}").enter(PASSWORD) == 303
    assert set(crowd.statuses) == {401, 429}
    assert crowd.statuses[401] < crowd.statuses[429], "most are not even compared"


@pytest.mark.gunicorn
def test_ipv4_and_ipv6_clients_are_distinguished(tmp_path: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 on this machine")
    port = free_port()
    environment = {**GUARDED, "PLAYGROUND_BIND": f"[::]:{port}"}
    running = RunningPlayground(tmp_path, workers=1, environment=environment)
    running.url = f"http://127.0.0.1:{port}"
    with running:
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.2"):
            assert Client(port, source=source).enter("wrong") == 401
        assert Client(port, host="::1").enter("wrong") == 401
    with closing(sqlite3.connect(running.state_dir / "playground.sqlite3")) as database:
        counted = dict(database.execute("SELECT address, count FROM login_attempts").fetchall())
    assert counted == {"127.0.0.1": 1, "127.0.0.2": 2, "::/64": 1, "*": 4}


def seen(hops: int, **headers: str) -> tuple[str, str, str]:
    """Client, scheme and host as the app sees them."""

    @Request.application
    def app(request: Request) -> Response:
        return Response("\n".join((request.remote_addr or "", request.scheme, request.environ["HTTP_HOST"])))

    environ = create_environ("/", "http://proxy.example")
    environ["REMOTE_ADDR"] = "192.0.2.99"
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
    body: Any = run_wsgi_app(behind_proxies(app, hops), environ, buffered=True)[0]
    client, scheme, host = b"".join(body).decode().split("\n")
    return client, scheme, host


@pytest.mark.parametrize(
    ("hops", "chain", "client"),
    [
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "203.0.113.1, 203.0.113.2", "203.0.113.2"),
        (1, "garbage, 203.0.113.2", "203.0.113.2"),
        (1, "203.0.113.1, garbage", "192.0.2.99"),
        (1, "203.0.113.1,", "192.0.2.99"),
        (1, "", "192.0.2.99"),
        (1, '"203.0.113.1, 203.0.113.2', "203.0.113.2"),
        (1, "203.0.113.2:4711", "203.0.113.2"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "203.0.113.999", "192.0.2.99"),
        (1, "203.0.113.1 203.0.113.2", "192.0.2.99"),
        (2, "203.0.113.1, 203.0.113.2, 203.0.113.3", "203.0.113.2"),
        (2, "203.0.113.3", "192.0.2.99"),
        (2, "garbage, 203.0.113.3", "192.0.2.99"),
    ],
)
def test_forwarded_addresses_are_counted_from_the_right(hops: int, chain: str, client: str) -> None:
    assert seen(hops, **{"for": chain})[0] == client


@pytest.mark.parametrize(
    ("hops", "proto", "scheme"),
    [
        (1, "https", "https"),
        (1, "HTTPS", "https"),
        (1, "https, http", "http"),
        (1, "javascript", "http"),
        (1, "https\x00", "http"),
        (2, "https", "http"),
    ],
)
def test_forwarded_schemes_are_counted_from_the_right(hops: int, proto: str, scheme: str) -> None:
    assert seen(hops, proto=proto)[1] == scheme


@pytest.mark.parametrize(
    ("hops", "said", "host"),
    [
        (1, "qa.example", "qa.example"),
        (1, "evil.example, qa.example", "qa.example"),
        (1, '"evil.example, qa.example"', "qa.example%22"),
        (2, "qa.example", "proxy.example"),
    ],
)
def test_forwarded_hosts_are_counted_from_the_right(hops: int, said: str, host: str) -> None:
    assert seen(hops, host=said)[2] == host
