"""Ledgers in SQLite files and in a real Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from octaspace.rentals import LedgerBackend, RentalLedger, open_ledger
from octaspace.rentals.sqlite_backend import SqliteBackend
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

from .entries import SettableClock


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis; skips the test when there is none, and fails it in CI."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis cluster of one node: a script may use the keys of one slot only."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("cluster")
    server = RedisServer(folder, "--cluster-enabled", "yes", "--cluster-port", port)
    with server.client() as client:
        client.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
        until(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty database of a running Redis."""
    redis_server.start()
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A SQLite ledger that does not exist yet."""
    return tmp_path / "rentals.db"


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, path: Path) -> str:
    """The URL of an empty ledger of either kind."""
    if request.param == "redis":
        found: str = request.getfixturevalue("redis_url")
        return found
    return f"sqlite:///{path}"


@pytest.fixture
def backend(url: str) -> LedgerBackend:
    """The storage of an empty ledger of either kind."""
    return open_ledger(url).backend


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def ledger(path: Path, clock: SettableClock) -> RentalLedger:
    """A ledger in a SQLite file on a settable clock; its heartbeat only beats when the test says so."""
    ledger = RentalLedger(SqliteBackend(str(path), clock=clock), lease=90.0)
    ledger.heartbeat.period = 1e6
    return ledger
