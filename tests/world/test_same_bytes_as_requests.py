"""The SDK sends the same bytes as `requests`, for every kind of connection to a server.

In the same run the SDK and a plain `requests.Session` send the same to a server that writes down what it
gets. The session gets the header fields that the SDK sets on purpose, is given a body as text, and
finds proxies and CAs by itself. Two differences are allowed:

- The order of header fields after Host. It means nothing in HTTP, and is that of the mappings they were
  given in. A proxy's CONNECT is the same to its last byte.
- How a body is written as JSON: the SDK writes UTF-8 without spaces, requests writes ASCII with spaces.
  What it means is compared here as well.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Any, NamedTuple

import pytest
import requests
from requests.auth import AuthBase
from urllib3.exceptions import InsecureRequestWarning

import octaspace
from octaspace import Request
from tests.support.certificates import Authority
from tests.support.namespaces import Hosts
from tests.support.recorder import Recorder

from .conftest import SPACE

KEY = "sk-a key/with:signs=="
PROXY = "proxy.example"
SERVER_ADDRESS, PROXY_ADDRESS = "127.0.20.1", "127.0.20.2"

#: Proxy environment variable of each scheme.
VARIABLES = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY"}


class Way(NamedTuple):
    """A route to a server: its address, and the proxy in front of it."""

    base_url: str
    proxy: str | None = None

    @property
    def scheme(self) -> str:
        return self.base_url.partition(":")[0]

    def __str__(self) -> str:
        return self.base_url if self.proxy is None else f"{self.base_url} by {self.proxy}"


DIRECT = [
    Way(f"{scheme}://{host}{port}{prefix}")
    for scheme, port in (("http", ""), ("http", ":8080"), ("https", ""), ("https", ":8443"))
    for host, prefix in ((SPACE, ""), (SPACE, "/v9/prefix"), ("[::1]", ""), (SERVER_ADDRESS, ""))
]
DIRECT += [Way(f"http://{SPACE}:80"), Way(f"https://{SPACE}:443"), Way("http://API.Octa.Space/Path")]
PROXIED = [
    Way(base_url, f"{scheme}://{user}{PROXY}:{port}")
    for base_url in (
        f"http://{SPACE}", f"http://{SPACE}:8080/v9/prefix", "http://[::1]", f"https://{SPACE}",
        f"https://{SPACE}:8443/v9/prefix", "https://[::1]", "https://[::1]:8443",
    )
    for scheme, port in (("http", 3128), ("https", 3129))
    for user in ("", "some%20one:p%40ss:word%2F@")
]  # fmt: skip
PROXIED += [
    Way(f"http://{SPACE}", f"{PROXY}:3128"),
    Way(f"https://{SPACE}", f"http://somebody:@{PROXY}:3128"),
]

REQUESTS = {
    "get": Request("GET", "/nodes"),
    "query": Request("GET", "/services/mr", params={"app": "a b+c&d=é/日本", "empty": "", "page": "2"}),
    "escapes": Request("GET", "/services/a%2Fb%20c/info", params={"x": "100%", "y": "~'()*!;:@$,"}),
    "json": Request("POST", "/services/mr", body=[{"id": 0, "node_id": 9101, "name": "é日本"}]),
    "patch": Request("PATCH", "/nodes/9101/prices", body={"gpu_hour": 1.5}),
    "post without body": Request("POST", "/accounts"),
    "reboot": Request("GET", "/nodes/9101/reboot", repeatable=False),
}
#: Requests that only `Client.send` can send.
OTHER_REQUESTS = {
    "head": Request("HEAD", "/network"),
    "delete": Request("DELETE", "/services/1"),
    "put": Request("PUT", "/services/1", body={}),
    "options": Request("OPTIONS", "/services"),
}


@dataclass
class Wire:
    """The servers of a route, all of them recording."""

    servers: list[Recorder]
    proxies: list[Recorder]

    def take(self) -> tuple[list[bytes], list[bytes]]:
        """The bytes sent to the proxies, and those sent to servers, directly or through a tunnel."""
        proxies = [request for proxy in self.proxies for request in proxy.take()]
        return proxies, [request for server in self.servers for request in server.take()]


@pytest.fixture(scope="module")
def recorders(authority: Authority) -> Iterator[Wire]:
    """Servers on the default ports and on others, and a proxy that speaks plain HTTP and one with TLS."""
    tls = authority.server_context(SPACE, "::1", SERVER_ADDRESS)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Recorder(address, port, context))
            for address in (SERVER_ADDRESS, "::1")
            for port, context in ((80, None), (8080, None), (443, tls), (8443, tls))
        ]
        proxies = [
            stack.enter_context(Recorder(PROXY_ADDRESS, 3128)),
            stack.enter_context(Recorder(PROXY_ADDRESS, 3129, authority.server_context(PROXY))),
        ]
        yield Wire(servers, proxies)


@pytest.fixture
def wire(recorders: Wire, hosts: Hosts) -> Wire:
    hosts.point(SPACE, SERVER_ADDRESS)
    hosts.point(PROXY, PROXY_ADDRESS)
    recorders.take()
    return recorders


class _Key(AuthBase):
    """The key, as the SDK sends it; otherwise requests removes its Authorization field."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = KEY
        return request


def plain_session(*, keep_alive: bool) -> requests.Session:
    """A session as a user of requests sets it up without the SDK."""
    session = requests.Session()
    session.headers.update(
        {
            "User-Agent": f"Flask-OctaSpace/{octaspace.__version__} requests/{requests.__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "keep-alive" if keep_alive else "close",
        }
    )
    session.auth = _Key()
    return session


def send(session: requests.Session, way: Way, request: Request, body: bytes) -> None:
    """Send a request with the session."""
    options: dict[str, Any] = {"params": dict(request.params)} if request.params else {}
    if body:
        options.update(data=body, headers={"Content-Type": "application/json"})
    with warnings.catch_warnings():
        # requests does not verify an https proxy in front of an http address, and warns about it.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        answer = session.request(request.method, way.base_url + request.path, **options)
    assert answer.status_code == 200


@pytest.mark.parametrize("keep_alive", [False, True], ids=["close", "keep-alive"])
@pytest.mark.parametrize("way", [*DIRECT, *PROXIED], ids=str)
def test_every_way(wire: Wire, monkeypatch: pytest.MonkeyPatch, way: Way, keep_alive: bool) -> None:
    if way.proxy is not None:
        monkeypatch.setenv(VARIABLES[way.scheme], way.proxy)
    # Separate connections for each add little, and cost a handshake each.
    names = list(REQUESTS) if keep_alive else ["query", "json"]
    compare(wire, way, {name: REQUESTS[name] for name in names}, keep_alive=keep_alive)


@pytest.mark.parametrize(
    "way", [Way(f"http://{SPACE}"), Way(f"http://{SPACE}", f"http://{PROXY}:3128")], ids=str
)
def test_other_methods(wire: Wire, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    if way.proxy is not None:
        monkeypatch.setenv(VARIABLES[way.scheme], way.proxy)
    compare(wire, way, OTHER_REQUESTS, keep_alive=True)


def compare(wire: Wire, way: Way, wanted: dict[str, Request], *, keep_alive: bool) -> None:
    """Send each request with both clients, and report differences of the bytes."""
    ours, theirs = Written(), Written()
    with (
        octaspace.Client(KEY, base_url=way.base_url, keep_alive=keep_alive, max_retries=0) as client,
        plain_session(keep_alive=keep_alive) as session,
    ):
        for number, (name, request) in enumerate(wanted.items()):
            client.send(request)
            to_proxy, to_server = wire.take()
            first = number == 0 or not keep_alive  # so a tunnel is created
            assert len(to_proxy) == (way.proxy is not None and (way.scheme == "http" or first))
            assert len(to_server) == (way.proxy is None or way.scheme == "https")
            body = ours.add(name, to_proxy + to_server)
            assert (json.loads(body) if body else None) == request.body

            send(session, way, request, body)
            to_proxy, to_server = wire.take()
            theirs.add(name, to_proxy + to_server)
    differences = list(unified_diff(theirs.lines, ours.lines, "requests", "octaspace", lineterm=""))
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)


@dataclass
class Written:
    """The bytes of one client's requests in order, one header field per line."""

    lines: list[str] = field(default_factory=list)

    def add(self, name: str, written: list[bytes]) -> bytes:
        """Record the bytes of a request; return the body of the last."""
        body = b""
        for one in written:
            head, _, body = one.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            if not head.startswith(b"CONNECT "):
                lines[2:] = sorted(lines[2:])  # what comes after the request line and Host
            self.lines += [f"{name}:", *(f"  {part!r}" for part in [*lines, body])]
        return body
