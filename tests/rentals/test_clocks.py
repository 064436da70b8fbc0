"""A clock that is set while rentals run: the calendar of the machine, or the clock of the Redis server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from octaspace.rentals import open_ledger, reap
from tests.support.waiting import until

from .conftest import ConnectTo, Market
from .processes import ChildProcess, shifted_ledger
from .test_owners import only_entry

Start = Callable[..., ChildProcess]
Running = Callable[[], set[str]]

HOUR = 3600


@pytest.fixture
def shift(tmp_path: Path) -> Path:
    """The file with the difference of the clock, for this process and those that it starts."""
    path = tmp_path / "shift"
    path.write_text("0")
    return path


@pytest.mark.parametrize("difference", [-HOUR, HOUR], ids=["back", "forward"])
@pytest.mark.parametrize("service", ["mr", "vpn", "render"])
def test_a_clock_that_is_set_by_an_hour_ends_no_rental_and_keeps_no_orphan(
    service: str, difference: int, ledger_url: str, start: Start, connect: ConnectTo, market: Market,
    running: Running, shift: Path,
) -> None:  # fmt: skip
    item = {"service": service, "node": getattr(market, service)[0]}
    owner = start("own", ledger_url, rentals=[item], shift=str(shift))
    uuids = set(owner.hear("entered")["uuids"])
    ledger = shifted_ledger(ledger_url, shift)
    client = connect(ledger)
    assert reap(client).living == 1
    shift.write_text(str(difference))
    report = reap(client)
    assert (report.living, report.items) == (1, [])
    renewed = only_entry(ledger_url).renewed
    until(lambda: only_entry(ledger_url).renewed != renewed)
    assert reap(client).living == 1
    assert running() == uuids
    owner.kill()
    until(lambda: reap(client).count("stopped") == 1)
    assert running() == set()
    assert ledger.backend.open_rentals() == []


@pytest.mark.parametrize("difference", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_boot_clock_is_not_set_so_a_distant_owner_keeps_its_rental(
    difference: int,
    sqlite_url: str,
    start: Start,
    connect: ConnectTo,
    market: Market,
    running: Running,
    shift: Path,
) -> None:
    owner = start("own", sqlite_url, rentals=market.items(1), shift=str(shift), away=True)
    uuids = set(owner.hear("entered")["uuids"])
    client = connect(shifted_ledger(sqlite_url, shift))
    shift.write_text(str(difference))
    report = reap(client)
    assert (report.living, report.items) == (1, [])
    assert running() == uuids
    owner.go()
    owner.hear("left")


@pytest.mark.parametrize("difference", [-HOUR, HOUR], ids=["back", "forward"])
def test_an_owner_that_died_before_the_clock_was_set(
    difference: int,
    ledger_url: str,
    start: Start,
    connect: ConnectTo,
    market: Market,
    running: Running,
    shift: Path,
) -> None:
    """After a clock was set back, the lease counts from the first round that notices it."""
    owner = start("own", ledger_url, rentals=market.items(3), shift=str(shift))
    owner.hear("entered")
    owner.kill()
    shift.write_text(str(difference))
    client = connect(shifted_ledger(ledger_url, shift))
    until(lambda: reap(client).ok and not running())
    assert open_ledger(ledger_url).backend.open_rentals() == []
