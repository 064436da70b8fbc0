"""A simulated API, ledgers, and processes that rent and reap."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from octaspace import Client
from octaspace.rentals import Rental, RentalLedger, RentalOwner, account_fingerprint, open_ledger
from octaspace.rentals.host import boot_id, pid_namespace
from octaspace.sandbox import SandboxServer
from tests.support.redis_server import RedisServer

from .processes import KEY, ChildProcess

#: Long enough for a busy machine, short enough to wait for.
LEASE, RECONCILE = 1.5, 1.5
OPTIONS = f"?lease={LEASE:g}&reconcile_timeout={RECONCILE:g}"


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """Nothing gets ready, so nothing costs money."""
    with SandboxServer(ready_after=3600) as server:
        yield server


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of ledger."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/rentals.db{OPTIONS}"
    server: RedisServer = request.getfixturevalue("redis_server")
    return f"{server.url}{OPTIONS}"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/rentals.db{OPTIONS}"


class ConnectTo(Protocol):
    """Makes a client."""

    def __call__(self, ledger: str | RentalLedger, **options: Any) -> Client: ...


@pytest.fixture
def connect(sandbox: SandboxServer) -> Iterator[ConnectTo]:
    """Clients of the simulated API that fail fast, closed at the end."""
    clients: list[Client] = []

    def make(ledger: str | RentalLedger, **options: Any) -> Client:
        defaults: dict[str, Any] = {"read_timeout": 5, "retry_interval": 0.02, "failure_cooldown": 0.1}
        client = Client(KEY, base_urls=sandbox.urls, rental_ledger=ledger, **{**defaults, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def start(sandbox: SandboxServer) -> Iterator[Callable[..., ChildProcess]]:
    """Processes; those that still run are ended."""
    processes: list[ChildProcess] = []

    def begin(do: str, ledger: str, **order: Any) -> ChildProcess:
        process = ChildProcess({"do": do, "ledger": ledger, "urls": sandbox.urls, **order})
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.close()


@dataclass
class Market:
    """What is offered: ids of nodes by service."""

    mr: list[int]
    vpn: list[int]
    render: list[int]

    def items(self, count: int) -> list[dict[str, Any]]:
        """As many rentals, of all services in turn, on few nodes."""
        return [
            {"service": service, "node": getattr(self, service)[number // 3 % 4]}
            for number, service in ((number, ("mr", "vpn", "render")[number % 3]) for number in range(count))
        ]


@pytest.fixture
def market(sandbox: SandboxServer) -> Market:
    state = sandbox.world.initial_state
    refused = set(state.refusals) | set(state.empty_results)
    return Market(*([one["node_id"] for one in offers if one["node_id"] not in refused]
                    for offers in (state.mr, state.vpn, state.render)))  # fmt: skip


@pytest.fixture
def running(sandbox: SandboxServer) -> Callable[[], set[str]]:
    """The sessions that run now and were not there at the start."""
    first = {rental.uuid for rental in sandbox.world.active()}
    return lambda: {rental.uuid for rental in sandbox.world.active()} - first


def stops(sandbox: SandboxServer) -> list[str]:
    """The uuids of all requests that stop a session, repeated ones included."""
    return [
        entry.path.split("/")[2] for entry in sandbox.journal.entries() if entry.operation == "stop_session"
    ]


def creations(sandbox: SandboxServer) -> int:
    """How many creations arrived."""
    return sum(entry.method == "POST" and entry.path.count("/") == 2 for entry in sandbox.journal.entries())


#: A process that does not run any more: ids of processes are smaller.
DEAD_PID = 2**22 + 1


def dead_owner() -> RentalOwner:
    """A process of this machine that has ended."""
    return RentalOwner(os.uname().nodename, boot_id(), DEAD_PID, "1", pid_namespace())


def write_entry(url: str, service: Any, node: int, *, id: str, ago: float = 60.0, **values: Any) -> Rental:
    """The entry of an owner that was killed.

    Args:
        url: The ledger.
        service: The service.
        node: The node.
        id: Its id.
        ago: Seconds since its creation and its last renewal.
        values: Other attributes of the `Rental`.
    """
    ledger = open_ledger(url)
    then = ledger.now().after(-ago)
    rental = Rental(
        **{
            "id": id, "account": account_fingerprint(KEY), "service": service, "node_id": node,
            "owner": dead_owner(), "created": then, "renewed": then, "lease": ledger.lease, **values,
        }
    )  # fmt: skip
    ledger.backend.add(rental)
    return rental
