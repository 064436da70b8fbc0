"""Several reapers at once, and reapers that are killed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.processes import Process
from benchmarks.rental_owners import KEY as BENCHMARK_KEY
from octaspace import Client
from octaspace.rentals import open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support.waiting import until

from .conftest import LEASE, RECONCILE, ConnectTo, Market, stops, write_entry
from .processes import KEY, ChildProcess

Start = Callable[..., ChildProcess]


def test_two_reapers_share_fifty_orphans(
    start: Start, ledger_url: str, market: Market, sandbox: SandboxServer, running: Callable[[], set[str]]
) -> None:
    owner = start("own", ledger_url, rentals=market.items(50))
    uuids = set(owner.hear("entered")["uuids"])
    assert len(uuids) == 50
    assert running() == uuids
    reapers = [start("reap", ledger_url) for _ in range(2)]
    for reaper in reapers:
        reaper.hear("ready")
    owner.kill()
    stopped: Counter[str] = Counter()
    while running():
        for reaper in reapers:
            reaper.go()
        for reaper in reapers:
            told = reaper.hear("round")
            assert told["ok"], told
            stopped.update(item["uuid"] for item in told["items"] if item["result"] == "stopped")
            reaper.hear("ready")
    assert stopped == Counter(uuids)
    assert Counter(stops(sandbox)) == Counter(uuids)
    assert open_ledger(ledger_url).backend.open_rentals() == []


def test_reapers_stop_nothing_of_a_living_owner(
    start: Start, ledger_url: str, market: Market, connect: ConnectTo, running: Callable[[], set[str]]
) -> None:
    owner = start("own", ledger_url, rentals=market.items(6))
    uuids = set(owner.hear("entered")["uuids"])
    client = connect(ledger_url)
    # Past the lease of the entries as they were written: only renewals keep them.
    ledger = open_ledger(ledger_url)
    began = ledger.now()
    until(lambda: reap(client).ok and ledger.now().since(began) > 2 * LEASE)
    assert running() == uuids
    owner.go()
    owner.hear("left")
    assert running() == set()
    assert ledger.backend.open_rentals() == []


class _Orphans:
    """Entries of killed owners, one of each kind, with their sessions."""

    def __init__(self, url: str, client: Client, market: Market) -> None:
        self._url, self._client, self._market = url, client, market
        self._number = 0

    def make(self) -> None:
        self._number += 1
        services, market, url, number = self._client.services, self._market, self._url, self._number
        ids = [f"{number}-{kind}" for kind in range(5)]

        def machine(id: str) -> str:
            created = services.mr.create(
                node_id=market.mr[0], disk_size=1, image="i", envs={"OCTASPACE_RENTAL_ID": id}
            )
            return str(created.data[0]["uuid"])

        recorded, unrecorded = machine(ids[0]), machine(ids[1])
        assert unrecorded
        relay = services.vpn.create(node_id=market.vpn[0]).data["uuid"]
        assert relay
        rendered = services.render.create(node_id=market.render[0], disk_size=1).data["uuid"]
        write_entry(url, "mr", market.mr[0], id=ids[0], uuid=recorded)
        write_entry(url, "mr", market.mr[0], id=ids[1])
        write_entry(url, "vpn", market.vpn[0], id=ids[2])
        write_entry(url, "render", market.render[0], id=ids[3], uuid=rendered, released=True, ago=0.0)
        # Killed before the request was sent.
        write_entry(url, "mr", market.mr[1], id=ids[4], ago=3600.0)


@pytest.fixture
def forker() -> Iterator[Process]:
    with Process("benchmarks.rental_owners") as process:
        yield process


def test_a_reaper_killed_at_any_line_is_continued_by_the_next(
    ledger_url: str,
    connect: ConnectTo,
    market: Market,
    sandbox: SandboxServer,
    running: Callable[[], set[str]],
    forker: Process,
) -> None:
    """Every third line here, and others of them with the other kind of ledger."""
    assert KEY == BENCHMARK_KEY
    client = connect(ledger_url, keep_alive=True)
    ledger = client.rental_ledger
    assert ledger is not None
    orphans = _Orphans(ledger_url, client, market)

    def order(**more: object) -> list[dict[str, Any]]:
        forker.say(json.dumps(
            {"do": "reap", "urls": sandbox.urls, "ledger": ledger_url, "rounds": 1, "pause": 0, **more}
        ))  # fmt: skip
        events: list[dict[str, Any]] = json.loads(forker.hear())["events"]
        return events

    orphans.make()
    whole, recorded = order(records=True)
    assert whole["results"] == {"found": 2, "stopped": 4, "not made": 1}
    assert running() == set()
    places = sorted(
        (place, count) for place, count in recorded["places"].items()
        if place.startswith(("rentals/reaper", "rentals/matching", "rentals/sqlite", "rentals/redis"))
    )  # fmt: skip
    first = 1 if ledger_url.startswith("sqlite") else 2
    for number, (place, count) in list(enumerate(places))[first::3]:
        for entry in ledger.backend.closed_rentals():
            ledger.backend.remove(entry)
        orphans.make()
        events = order(target={"place": place, "before": number % min(count, 4)})
        assert [event["what"] for event in events] == ["killed"]
        report = reap(client)
        assert report.ok, (place, report)
        assert running() == set(), place
        assert ledger.backend.open_rentals() == [], place
    assert len(places) > 60
    assert max(Counter(stops(sandbox)).values()) <= 2  # the reaper was killed after the stop


def test_dry_runs_change_nothing(
    ledger_url: str,
    connect: ConnectTo,
    market: Market,
    sandbox: SandboxServer,
    running: Callable[[], set[str]],
) -> None:
    client = connect(ledger_url)
    _Orphans(ledger_url, client, market).make()
    before = running()
    ledger = open_ledger(ledger_url)
    entries = ledger.backend.open_rentals()
    report = reap(client, dry_run=True)
    assert report.count("stopped") == 4
    assert running() == before
    assert ledger.backend.open_rentals() == entries
    assert stops(sandbox) == []


def test_a_session_rented_during_the_round_is_not_taken_for_that_of_a_dead_owner(
    ledger_url: str, connect: ConnectTo, market: Market, running: Callable[[], set[str]]
) -> None:
    """A relay carries no id. The living owner's entry is written after the reaper has read the ledger."""
    write_entry(ledger_url, "vpn", market.vpn[0], id="dead", ago=RECONCILE / 2, released=True)
    living = connect(ledger_url)
    block = living.services.vpn.rent(node_id=market.vpn[0])
    uuids: list[str] = []

    def on_request(request: dict[str, object]) -> None:
        if request["path"] == "/sessions" and not uuids:
            uuids.append(block.__enter__().uuid)

    report = reap(connect(ledger_url, on_request=on_request))
    assert running() == set(uuids)
    assert [item.rental.uuid for item in report.items if item.result in ("found", "stopped")] == []
    block.__exit__(None, None, None)
    assert running() == set()
