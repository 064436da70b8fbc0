"""What a user's editor and type checker see of the SDK. Never run: mypy and pyright read it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from typing_extensions import assert_type

import octaspace
from octaspace import Client, Config, Response, types
from octaspace.rentals import ReapedRental, ReapReport, Rental, RentalLedger, open_ledger, reap
from octaspace.resources import Nodes
from octaspace.resources.services import MachineRentals
from octaspace.sandbox import Entry, Fault, FaultRegistry, ManualClock, SandboxServer
from octaspace.types import payloads


def payloads_complete(client: Client) -> None:
    nodes = client.nodes.list()
    assert_type(nodes, Response[list[payloads.Node]])
    assert_type(nodes.data[0]["location"]["city"], str)
    assert_type(nodes.data[0]["system"]["gpus"][0]["model"], str)
    assert_type(client.nodes.find(1).data["reliability"]["rating"]["score"], float)
    assert_type(client.accounts.profile().data["email"], str)
    assert_type(client.network.info().data["marketplace"]["gpus"]["x"]["count"], int)
    assert_type(client.sessions.list(recent=True).data[0]["uuid"], str)
    assert_type(client.services.session("u").info().data["progress"], str)
    assert_type(client.services.vpn.create(node_id=1).data["uuid"], str)
    assert_type(client.services.mr.create(node_id=1).data, payloads.MachineCreated)
    assert_type(client.services.mr.create(node_id=1).data[0]["uuid"], str)
    assert_type(client.services.mr, MachineRentals)
    assert_type(Client.nodes, type[Nodes])
    assert_type(client.apps.list().data[0]["extra"]["min_disk_size"], int)


def sandbox_in_tests(
    octaspace_sandbox: SandboxServer,
    octaspace_faults: FaultRegistry,
    octaspace_sandbox_clock: ManualClock,
) -> None:
    """The fixtures of the pytest plugin have the types by which tests annotate them."""
    assert_type(octaspace_sandbox.urls, list[str])
    assert_type(octaspace_sandbox.api_key, str)
    assert_type(octaspace_sandbox.faults, FaultRegistry)
    assert_type(octaspace_sandbox.journal.entries(), list[Entry])
    fault = octaspace_faults.add("status", octaspace_sandbox.ports[0], status=503, count=2)
    assert_type(fault, Fault)
    assert_type(octaspace_faults.remove_fault(fault.id), bool)
    octaspace_faults.add("statsu")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    octaspace_faults.add("slow", second=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    octaspace_sandbox_clock.advance(2.5)
    with SandboxServer(clock=octaspace_sandbox_clock) as own:
        assert_type(own, SandboxServer)


def downloads(client: Client, file: IO[bytes], path: Path) -> None:
    assert_type(client.nodes.download_ident(1).data, bytes)
    assert_type(client.nodes.download_logs(1, to=file).data, IO[bytes])
    assert_type(client.nodes.download_logs(1, to=path).data, Path)
    assert_type(client.nodes.download_logs(1, to="logs.zip").data, Path)


def typed_offers(client: Client) -> None:
    offers = client.services.mr.search(gpu="rtx", max_price_usd=Decimal("0.5"))
    assert_type(offers, list[types.MachineOffer])
    assert_type(offers[0].price_usd, Decimal | None)
    assert_type(offers[0].gpus[0].model, str | None)
    assert_type(client.services.vpn.search(residential=True), list[types.VpnRelay])
    assert_type(client.services.render.search(), list[types.RenderOffer])


def rentals(client: Client) -> None:
    with client.services.mr.rent(node_id=1, disk_size=10, image="i") as session:
        assert_type(session.uuid, str)
        assert_type(session.wait_until_ready(), Response[payloads.Session])
        for line in session.follow_logs():
            assert_type(line, str)


def recorded_rentals(client: Client, deadline: datetime) -> None:
    offers = client.services.mr.search()
    with client.services.mr.rent_any(
        [*offers, 9101], disk_size=10, image="i", name="n", max_duration=60
    ) as session:
        assert_type(session.recovered, bool)
    with client.services.vpn.rent(node_id=1, deadline=deadline, on_lease_lost=print) as session:
        assert_type(session.uuid, str)
    client.services.mr.create(node_id=1, name="n", max_duration=60.5)
    client.services.mr.create(node_id=1, deadline="tomorrow")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.services.mr.rent(node_id=1, on_lease_lost=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(client.rental_ledger, RentalLedger | None)
    ledger = open_ledger("sqlite:////var/lib/rentals.db")
    assert_type(ledger, RentalLedger)
    Client("key", rental_ledger=ledger)
    Client("key", rental_ledger="redis://host/0")
    Client("key", rental_ledger=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    report = reap(client, ledger, dry_run=True)
    assert_type(report, ReapReport)
    assert_type(report.ok, bool)
    for item in report.items:
        assert_type(item, ReapedRental)
        assert_type(item.rental, Rental)
    assert_type(ledger.extend("id", 60), Rental | None)
    try:
        pass
    except octaspace.RentalLedgerError as error:
        assert_type(error.uuid, str | None)
    except octaspace.LeaseLostError as error:
        assert_type(error.rental_id, str)


def responses_and_errors(response: Response[dict[str, Any]]) -> None:
    assert_type(response.retry_after, float | None)
    assert_type(response.request_id, str | None)
    try:
        pass
    except octaspace.RateLimitError as error:
        assert_type(error.retry_after, float | None)
        assert_type(error.code, str | None)
    except octaspace.ProvisionRejectedError as error:
        assert_type(error.rejections, list[Any])


def cached(client: Client) -> None:
    offers = client.services.mr.list()
    assert_type(offers.from_cache, bool)
    assert_type(offers.age, float)
    assert_type(offers.stale, bool)
    client.clear_cache()


def options() -> None:
    client = Client("key", keep_alive=True, base_urls=["https://a"], read_timeout=None)
    assert_type(client.with_options(api_key="other", max_retries=0), Client)
    assert_type(client.config, Config)
    assert_type(octaspace.client(), Client)
    assert_type(octaspace.wei_to_octa(10**18), Decimal)
    assert_type(octaspace.octa_to_wei("1.5"), int)
    assert_type(types.Node.from_api({"id": 1}), types.Node)


class SlowCalls(octaspace.Observer):
    """An observer needs only the methods that it uses."""

    def call_finished(self, event: octaspace.CallFinished) -> None:
        assert_type(event.operation, str | None)
        assert_type(event.response, Response[Any] | None)
        assert_type(event.outcome_unknown, bool)


class Unrelated:
    """The same methods without the base class."""

    def call_started(self, event: octaspace.CallStarted) -> None: ...

    def attempt_finished(self, event: octaspace.AttemptFinished) -> None:
        assert_type(event.status, int | None)

    def call_finished(self, event: octaspace.CallFinished) -> None: ...


def observers() -> None:
    client = Client("key", observers=[SlowCalls(), Unrelated()])
    client.with_options(observers=())


def mistakes_are_seen(client: Client) -> None:
    Client("key", pool_sise=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Client(observers=[print])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Client(base_urls="https://a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.services.mr.create(node_id=1, disk_size="10", image="i")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
