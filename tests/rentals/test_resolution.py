"""The outcome of a rental whose owner was killed, without waiting for a reaper."""

from __future__ import annotations

from typing import Any

import pytest

from octaspace import ConfigurationError, Error
from octaspace.rentals import RentalOwner, open_ledger, resolve
from octaspace.rentals.rental import RENTAL_ID_VARIABLE
from octaspace.sandbox import SandboxServer

from .conftest import ConnectTo, Market, dead_owner, write_entry

ID = "0" * 32


def make(connect: ConnectTo, url: str, service: str, node: int, id: str) -> str:
    """Make a session that the ledger knows nothing of."""
    client = connect(url).with_options(rental_ledger=None)
    answer: Any
    if service == "mr":
        answer = client.services.mr.create(
            node_id=node, disk_size=1, image="ubuntu:24.04", envs={RENTAL_ID_VARIABLE: id}
        )
    else:
        answer = client.services.vpn.create(node_id=node, subkind="wg")
    data = answer.data[0] if isinstance(answer.data, list) else answer.data
    return str(data["uuid"])


def test_what_neither_ledger_nor_api_know_was_not_rented(connect: ConnectTo, ledger_url: str) -> None:
    found = resolve(connect(ledger_url), ID)
    assert (found.state, found.uuid, found.wait) == ("not rented", None, None)


def test_a_machine_whose_entry_was_lost_is_found_by_its_id(
    connect: ConnectTo, ledger_url: str, market: Market
) -> None:
    uuid = make(connect, ledger_url, "mr", market.mr[0], ID)
    found = resolve(connect(ledger_url), ID)
    assert (found.state, found.uuid) == ("rented", uuid)


@pytest.mark.parametrize("closed", [True, False], ids=["not made", "open"])
@pytest.mark.parametrize("service", ["mr", "vpn"])
def test_a_session_that_has_ended_could_be_it(
    connect: ConnectTo, sqlite_url: str, market: Market, service: str, closed: bool
) -> None:
    """It was charged, so "not rented" would be wrong. Ended sessions carry no id: node and time must fit."""
    node = getattr(market, service)[0]
    client, ledger = connect(sqlite_url), open_ledger(sqlite_url)
    client.services.session(make(connect, sqlite_url, service, node, "another")).stop()
    write_entry(sqlite_url, service, node, id=ID, ago=120.0, lease=None)
    values = {"closed": ledger.now(), "outcome": "not made"} if closed else {}
    ledger.change(ID, lambda one: one.changed(**values))
    assert resolve(client, ID).state == "not rented", "it began two minutes after the request"

    write_entry(sqlite_url, service, node, id=ID[1:] + "1", ago=10.0, lease=None)
    ledger.change(ID[1:] + "1", lambda one: one.changed(**values))
    found = resolve(client, ID[1:] + "1")
    if service == "mr":
        assert found.state == "unknown"
        assert found.reason == f"a session of node {node} that has ended since could be it"
    else:
        assert (found.state, found.ended) == ("rented", True)
        entry = ledger.backend.get(ID[1:] + "1")
        assert entry is not None
        assert (entry.outcome, entry.uuid) == (("not made", None) if closed else ("session gone", found.uuid))


@pytest.mark.parametrize(
    ("values", "state", "uuid", "ended"),
    [
        ({"uuid": "u"}, "rented", "u", False),
        ({"uuid": "u", "outcome": "stopped"}, "rented", "u", True),
        ({"outcome": "refused"}, "not rented", None, False),
        ({"outcome": "stopped"}, "unknown", None, False),
        ({"account": "another"}, "unknown", None, False),
        ({"owner": RentalOwner.current(), "ago": 1.0}, "unknown", None, False),
    ],
)
def test_what_the_ledger_knows_needs_no_request(
    connect: ConnectTo,
    sqlite_url: str,
    sandbox: SandboxServer,
    values: dict[str, Any],
    state: str,
    uuid: str | None,
    ended: bool,
) -> None:
    client = connect(sqlite_url)
    if "outcome" in values:
        values = {**values, "closed": open_ledger(sqlite_url).now()}
    write_entry(sqlite_url, "mr", 1, id=ID, **values)
    found = resolve(client, ID)
    assert (found.state, found.uuid, found.ended) == (state, uuid, ended)
    assert sandbox.journal.entries() == []


@pytest.mark.parametrize("service", ["mr", "vpn"])
def test_the_list_of_sessions_has_it(
    connect: ConnectTo, sqlite_url: str, market: Market, service: str
) -> None:
    node = getattr(market, service)[0]
    write_entry(sqlite_url, service, node, id=ID, ago=1.0, lease=None)
    uuid = make(connect, sqlite_url, service, node, ID)
    client = connect(sqlite_url)
    found = resolve(client, ID)
    assert (found.state, found.uuid) == ("rented", uuid)
    entry = open_ledger(sqlite_url).backend.get(ID)
    assert entry is not None
    assert (entry.uuid, entry.closed) == (uuid, None), "it is recorded"
    assert resolve(client, ID).reason == "the rental ledger has its session"


def test_it_may_still_appear_until_it_cannot(connect: ConnectTo, sqlite_url: str, market: Market) -> None:
    write_entry(sqlite_url, "mr", market.mr[0], id=ID, ago=0.0, lease=None)
    client, ledger = connect(sqlite_url), open_ledger(sqlite_url)
    found = resolve(client, ID)
    assert found.state == "unknown"
    assert found.wait is not None
    assert 0 < found.wait <= ledger.reconcile_timeout
    past = ledger.now().after(-ledger.reconcile_timeout - 1)
    ledger.change(ID, lambda one: one.changed(renewed=past))
    assert resolve(client, ID).state == "not rented"
    entry = ledger.backend.get(ID)
    assert entry is not None
    assert entry.outcome == "not made"


def test_two_sessions_that_fit_are_not_guessed(connect: ConnectTo, sqlite_url: str, market: Market) -> None:
    node = market.vpn[0]
    write_entry(sqlite_url, "vpn", node, id=ID, ago=1.0, lease=None, owner=dead_owner())
    for _ in range(2):
        make(connect, sqlite_url, "vpn", node, ID)
    found = resolve(connect(sqlite_url), ID)
    assert (found.state, found.uuid, found.wait) == ("unknown", None, None)
    assert "it is not clear which one is" in found.reason


def test_an_api_that_fails_and_a_missing_ledger(
    connect: ConnectTo, sqlite_url: str, sandbox: SandboxServer
) -> None:
    write_entry(sqlite_url, "mr", 1, id=ID, lease=None)
    sandbox.faults.add("status", status=500, path="/sessions")
    with pytest.raises(Error):
        resolve(connect(sqlite_url, max_retries=0), ID)
    with pytest.raises(ConfigurationError, match="no rental ledger"):
        resolve(connect(sqlite_url).with_options(rental_ledger=None), ID)
