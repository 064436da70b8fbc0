"""Clients on real sockets, with a fake clock."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from octaspace import Client, Config
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import Arrival, Behaviour, FaultServer

from .caching import Held

ServerFactory = Callable[..., FaultServer]
ClientFactory = Callable[..., Client]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def serve() -> Iterator[ServerFactory]:
    """Start a server with a script; all are stopped after the test."""
    servers: list[FaultServer] = []

    def start(*script: Behaviour, **options: Any) -> FaultServer:
        servers.append(FaultServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect(clock: FakeClock) -> Iterator[ClientFactory]:
    """Create a client of one or more servers; waits take no time. All are closed after the test."""
    clients: list[Client] = []

    def make(*servers: FaultServer, **options: Any) -> Client:
        options.setdefault("api_key", "sk-secret")
        options.setdefault("keep_alive", True)
        if len(servers) == 1:
            options.setdefault("base_url", servers[0].url)
        else:
            options.setdefault("base_urls", [server.url for server in servers])
        clients.append(Client.from_config(Config(**options), clock=clock.clock()))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def held() -> Iterator[Held]:
    """A behaviour that holds requests. What is still held at the end is hung up."""
    held = Held()
    yield held
    for _ in range(50):
        held.hang_up()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls at the same time."""
    with ThreadPoolExecutor(80) as threads:
        yield threads


@pytest.fixture
def cached(connect: ClientFactory) -> ClientFactory:
    """Create a client that keeps answers for 10 s, and makes one attempt per call."""

    def make(*servers: FaultServer, **options: Any) -> Client:
        return connect(*servers, **{"cache_ttl": 10, "max_retries": 0, "keep_alive": False, **options})

    return make


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority and the bundle that trusts it."""
    ca = trustme.CA()
    bundle = tmp_path_factory.mktemp("tls") / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    return ca, bundle


@pytest.fixture(scope="session")
def tls(authority: tuple[trustme.CA, Path]) -> ssl.SSLContext:
    """A server context with a good certificate for the loopback address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@dataclass
class Way:
    """One of the ways to the API: with or without keep-alive, one or two endpoints, plain or TLS."""

    keep_alive: bool
    endpoints: int
    tls: ssl.SSLContext | None
    bundle: Path
    serve: ServerFactory
    connect: ClientFactory

    def servers(self, *script: Behaviour, **options: Any) -> list[FaultServer]:
        """The endpoints; the first one has the script."""
        first = self.serve(*script, tls=self.tls, **options)
        return [first, *(self.serve(tls=self.tls, **options) for _ in range(self.endpoints - 1))]

    def client(self, servers: list[FaultServer], **options: Any) -> Client:
        trust = {} if self.tls is None else {"ssl_verify": self.bundle}
        return self.connect(*servers, keep_alive=self.keep_alive, **trust, **options)


def arrivals(servers: list[FaultServer]) -> list[Arrival]:
    """The requests that all servers have read."""
    return [arrival for server in servers for arrival in server.journal]


WAYS = [
    pytest.param((keep_alive, endpoints, secure), id=f"{mode}-{endpoints}-{'tls' if secure else 'plain'}")
    for keep_alive, mode in ((True, "persistent"), (False, "standard"))
    for endpoints in (1, 2)
    for secure in (False, True)
]
#: Those with keep-alive, and those without TLS.
PERSISTENT = WAYS[:4]
PLAIN = WAYS[::2]


@pytest.fixture(params=WAYS)
def way(
    request: pytest.FixtureRequest,
    serve: ServerFactory,
    connect: ClientFactory,
    tls: ssl.SSLContext,
    authority: tuple[trustme.CA, Path],
) -> Way:
    keep_alive, endpoints, secure = request.param
    return Way(keep_alive, endpoints, tls if secure else None, authority[1], serve, connect)
