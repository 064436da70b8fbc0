"""Owners that are suspended, forked, killed or far away, and sessions that appear late."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from octaspace.rentals import open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support.waiting import until

from .conftest import ConnectTo, Market, creations, stops, write_entry
from .processes import ChildProcess

Start = Callable[..., ChildProcess]
Running = Callable[[], set[str]]


def only_entry(url: str) -> Any:
    """The one entry of a ledger, open or closed."""
    backend = open_ledger(url).backend
    [entry] = {one.id: one for one in [*backend.open_rentals(), *backend.closed_rentals()]}.values()
    return entry


def lease_is_over(url: str) -> bool:
    """Whether the lease of the one entry has run out."""
    ledger, entry = open_ledger(url), only_entry(url)
    return bool(entry.lease is not None and ledger.now().since(entry.renewed) > entry.lease)


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
@pytest.mark.parametrize("forks", [True, False], ids=["with a child", "alone"])
def test_a_killed_owner_is_followed_by_its_rental(
    ledger_url: str,
    start: Start,
    connect: ConnectTo,
    market: Market,
    running: Running,
    forks: bool,
    reaped: bool,
) -> None:
    """Neither a zombie nor a forked child counts as the owner."""
    owner = start("own", ledger_url, rentals=market.items(1), forks=forks)
    told = owner.hear("entered")
    client = connect(ledger_url)
    assert reap(client).living == 1
    owner.kill(reap=reaped)
    try:
        until(lambda: reap(client).count("stopped") == 1)
    finally:
        if told["child"]:
            os.kill(told["child"], signal.SIGKILL)
    assert running() == set()
    assert only_entry(ledger_url).outcome == "lease over"


def test_an_owner_suspended_on_this_machine_keeps_its_rental(
    ledger_url: str, start: Start, connect: ConnectTo, market: Market, running: Running
) -> None:
    owner = start("own", ledger_url, rentals=market.items(1))
    uuids = set(owner.hear("entered")["uuids"])
    owner.suspend()
    until(lambda: lease_is_over(ledger_url))
    report = reap(connect(ledger_url))
    assert (report.living, report.items) == (1, [])
    assert running() == uuids
    owner.resume()
    until(lambda: not lease_is_over(ledger_url))
    owner.go()
    owner.hear("left")
    assert only_entry(ledger_url).outcome == "stopped"


@pytest.mark.parametrize("beats", [True, False], ids=["at the next renewal", "at the end of the block"])
def test_an_owner_suspended_on_another_machine_loses_its_rental_and_learns_it(
    ledger_url: str, start: Start, connect: ConnectTo, market: Market, running: Running, beats: bool
) -> None:
    owner = start("own", ledger_url, rentals=market.items(1), away=True)
    [uuid] = owner.hear("entered")["uuids"]
    client = connect(ledger_url)
    assert reap(client).living == 1
    owner.suspend()
    until(lambda: reap(client).count("stopped") == 1)
    assert running() == set()
    if not beats:
        owner.go()  # it is read as soon as the process runs
    owner.resume()
    if beats:
        lost = owner.hear("lost")
        owner.go()
        failed = owner.hear("failed")
    else:  # the heartbeat and the end of the block may notice it at once
        lost, failed = owner.hear_all("lost", "failed")
    assert (lost["uuid"], lost["rental_id"]) == (uuid, only_entry(ledger_url).id)
    assert (failed["error"], failed["uuid"]) == ("LeaseLostError", uuid)
    assert only_entry(ledger_url).outcome == "lease over"


@pytest.mark.parametrize("service", ["mr", "vpn", "render"])
def test_an_entry_closed_before_its_request_is_open_again_with_the_session(
    service: str, ledger_url: str, start: Start, connect: ConnectTo, market: Market, sandbox: SandboxServer,
    running: Running,
) -> None:  # fmt: skip
    """The owner is on another machine and is suspended between entry and request."""
    item = {"service": service, "node": getattr(market, service)[0]}
    owner = start("own", ledger_url, rentals=[item], away=True, waits_before_send=True)
    owner.hear("about to send")
    owner.suspend()
    client = connect(ledger_url)
    until(lambda: reap(client).count("not made") == 1)
    assert only_entry(ledger_url).outcome == "not made"
    assert creations(sandbox) == 0
    owner.go()
    owner.resume()
    [uuid] = owner.hear("entered")["uuids"]
    assert only_entry(ledger_url).state == "active"
    assert only_entry(ledger_url).uuid == uuid
    assert reap(client).living == 1
    assert running() == {uuid}
    owner.go()
    owner.hear("left")
    assert only_entry(ledger_url).outcome == "stopped"
    assert running() == set()


def test_a_session_that_appears_after_its_entry_was_closed_is_stopped(
    ledger_url: str,
    start: Start,
    connect: ConnectTo,
    market: Market,
    sandbox: SandboxServer,
    running: Running,
) -> None:
    """The request is held up in front of the API, and its owner is killed."""
    fault = sandbox.faults.add("slow", methods=["POST"], path="/services/mr", seconds=600)
    owner = start("own", ledger_url, rentals=market.items(1))
    until(lambda: creations(sandbox) == 1)
    owner.kill()
    client = connect(ledger_url)
    until(lambda: reap(client).count("not made") == 1)
    assert running() == set()
    sandbox.faults.remove_fault(fault.id)
    until(running)
    report = reap(client)
    assert [(item.result, item.reason) for item in report.items] == [("stopped", "still running")]
    assert running() == set()
    assert len(stops(sandbox)) == 1


def test_an_owner_that_was_killed_between_request_and_answer(
    ledger_url: str,
    start: Start,
    connect: ConnectTo,
    market: Market,
    sandbox: SandboxServer,
    running: Running,
) -> None:
    sandbox.faults.add("stall", methods=["POST"], path="/services/*")
    owners = []
    for service in ("mr", "vpn", "render"):
        item = {"service": service, "node": getattr(market, service)[0]}
        owners.append(start("own", ledger_url, rentals=[item]))
    until(lambda: len(running()) == 3)
    sandbox.faults.remove_all()  # ends the stalls, without an answer
    for owner in owners:
        owner.kill()
    client = connect(ledger_url)
    until(lambda: reap(client) is not None and not running())
    assert len(set(stops(sandbox))) == 3


@pytest.mark.parametrize("service", ["vpn", "render"])
class TestSessionsWithoutAnId:
    """VPN and render: found by node and start time."""

    def make(self, connect: ConnectTo, url: str, market: Market, service: str, node: int = 0) -> str:
        client = connect(url)
        node_id = getattr(market, service)[node]
        if service == "vpn":
            return str(client.services.vpn.create(node_id=node_id).data["uuid"])
        return str(client.services.render.create(node_id=node_id, disk_size=1).data["uuid"])

    def dead(self, url: str, market: Market, service: str, id: str, **values: Any) -> None:
        write_entry(
            url, service, getattr(market, service)[0], id=id, **{"ago": 0.0, "released": True, **values}
        )

    def test_one_dead_owner(
        self, service: str, ledger_url: str, connect: ConnectTo, market: Market, running: Running
    ) -> None:
        self.dead(ledger_url, market, service, "a")
        uuid = self.make(connect, ledger_url, market, service)
        elsewhere = self.make(connect, ledger_url, market, service, node=1)
        report = reap(connect(ledger_url))
        assert [item.rental.uuid for item in report.items if item.result == "stopped"] == [uuid]
        assert running() == {elsewhere}

    def test_several_dead_owners(
        self, service: str, ledger_url: str, connect: ConnectTo, market: Market, running: Running
    ) -> None:
        """Three died, and one of them before its request."""
        for id in "abc":
            self.dead(ledger_url, market, service, id)
        uuids = {self.make(connect, ledger_url, market, service) for _ in range(2)}
        report = reap(connect(ledger_url))
        assert {item.rental.uuid for item in report.items if item.result == "stopped"} == uuids
        assert running() == set()

    def test_a_living_owner_on_the_same_node(
        self,
        service: str,
        ledger_url: str,
        connect: ConnectTo,
        market: Market,
        running: Running,
        start: Start,
    ) -> None:
        node = getattr(market, service)[0]
        self.dead(ledger_url, market, service, "a")
        orphan = self.make(connect, ledger_url, market, service)
        owner = start("own", ledger_url, rentals=[{"service": service, "node": node}])
        uuids = set(owner.hear("entered")["uuids"])
        assert running() == {orphan, *uuids}
        assert reap(connect(ledger_url)).count("stopped") == 1
        assert running() == uuids
        owner.go()
        owner.hear("left")

    def test_a_living_owner_that_waits_for_its_answer_on_the_same_node(
        self,
        service: str,
        ledger_url: str,
        connect: ConnectTo,
        market: Market,
        running: Running,
        start: Start,
    ) -> None:
        """It is not clear whose the session is until the living owner knows its own."""
        node = getattr(market, service)[0]
        self.dead(ledger_url, market, service, "a")
        owner = start("own", ledger_url, rentals=[{"service": service, "node": node}], waits_before_send=True)
        owner.hear("about to send")
        orphan = self.make(connect, ledger_url, market, service)
        client = connect(ledger_url)
        assert reap(client).count("undecided") == 1
        assert running() == {orphan}
        owner.go()
        uuids = set(owner.hear("entered")["uuids"])
        report = reap(client)
        assert report.ok
        assert [item.rental.uuid for item in report.items if item.result == "stopped"] == [orphan]
        assert running() == uuids

    def test_a_session_of_somebody_else_on_the_same_node(
        self, service: str, ledger_url: str, connect: ConnectTo, market: Market, running: Running,
        sandbox: SandboxServer,
    ) -> None:  # fmt: skip
        """One that is older is not touched; of two that fit, none is."""
        clock = sandbox.world.clock
        true = clock.time
        clock.time = lambda: true() - 600  # type: ignore[method-assign]
        older = self.make(connect, ledger_url, market, service)
        clock.time = true  # type: ignore[method-assign]
        self.dead(ledger_url, market, service, "a")
        client = connect(ledger_url)
        assert reap(client).items == []
        assert running() == {older}
        uuid = self.make(connect, ledger_url, market, service)
        manual = self.make(connect, ledger_url, market, service)
        report = reap(client)
        assert not report.ok
        assert report.count("undecided") == 1
        assert running() == {older, uuid, manual}
        client.services.session(manual).stop()
        assert reap(client).ok
        assert running() == {older}

    def test_two_living_owners_whose_answers_are_lost_do_not_believe_that_nothing_was_made(
        self, service: str, ledger_url: str, connect: ConnectTo, market: Market, running: Running,
        start: Start, sandbox: SandboxServer,
    ) -> None:  # fmt: skip
        """Each session fits both of them."""
        sandbox.faults.add("drop_after_read", methods=["POST"], path=f"/services/{service}")
        item = {"service": service, "node": getattr(market, service)[0]}
        owners = [start("own", ledger_url, rentals=[item], waits_before_send=True) for _ in range(2)]
        for owner in owners:
            owner.hear("about to send")
        for owner in owners:
            owner.go()
        for owner in owners:
            failed = owner.hear("failed")
            assert (failed["error"], failed["unknown"]) == ("ConnectionError", True)
        assert len(running()) == 2
        report = reap(connect(ledger_url))
        assert report.count("stopped") == 2
        assert report.ok
        assert running() == set()
        assert open_ledger(ledger_url).backend.open_rentals() == []

    def test_an_entry_past_its_deadline_beside_one_of_a_dead_owner(
        self, service: str, ledger_url: str, connect: ConnectTo, market: Market, running: Running
    ) -> None:
        """Neither has anybody who waits for it, so it does not matter which session is whose."""
        self.dead(ledger_url, market, service, "leased")
        past = open_ledger(ledger_url).now().after(-1)
        self.dead(ledger_url, market, service, "deadline", lease=None, released=False, deadline=past)
        uuids = {self.make(connect, ledger_url, market, service) for _ in range(2)}
        assert running() == uuids
        report = reap(connect(ledger_url))
        assert report.ok
        assert report.count("stopped") == 2
        assert running() == set()
