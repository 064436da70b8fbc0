"""Ledgers that fail while they are in use: Redis is gone, the disk is full, the file is deleted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import octaspace
from octaspace import RentalLedgerError
from octaspace.rentals import open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support import namespaces
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

from .conftest import ConnectTo, Market, creations, stops
from .processes import ROOT, ChildProcess
from .test_owners import only_entry

Start = Callable[..., ChildProcess]
Running = Callable[[], set[str]]


@pytest.mark.parametrize("away", [True, False], ids=["another machine", "this machine"])
def test_redis_is_gone_for_a_third_of_the_lease(
    redis_server: RedisServer, start: Start, connect: ConnectTo, market: Market, sandbox: SandboxServer,
    running: Running, away: bool,
) -> None:  # fmt: skip
    url = f"{redis_server.url}?lease=6&reconcile_timeout=2"
    ledger = open_ledger(url)
    owner = start("own", url, rentals=market.items(3), away=away)
    uuids = set(owner.hear("entered")["uuids"])
    killed = start("own", url, rentals=market.items(3)[1:], away=away)
    orphans = set(killed.hear("entered")["uuids"])
    client = connect(url)
    began = ledger.now()
    redis_server.stop()
    killed.kill()
    made = creations(sandbox)
    with pytest.raises(RentalLedgerError):
        reap(client)
    with (
        pytest.raises(RentalLedgerError) as caught,
        client.services.mr.rent(node_id=market.mr[0], disk_size=1, image="i"),
    ):
        raise AssertionError("the block runs without an entry")
    assert caught.value.uuid is None
    assert creations(sandbox) == made
    assert running() == uuids | orphans
    redis_server.start()
    assert ledger.now().since(began) < 6, "the machine is too busy for this lease"
    assert reap(client).ok
    assert running() >= uuids
    until(lambda: reap(client).ok and running() == uuids)
    owner.go()
    owner.hear("left")
    assert running() == set()
    assert ledger.backend.open_rentals() == []


def test_a_block_ends_while_redis_is_gone(
    redis_server: RedisServer, connect: ConnectTo, market: Market, running: Running
) -> None:
    """The error names the session; the entry is closed when Redis is back, by this process or by a reaper."""
    url = f"{redis_server.url}?lease=1&reconcile_timeout=1"
    client = connect(url)
    block = client.services.vpn.rent(node_id=market.vpn[0])
    uuids = [block.__enter__().uuid]
    redis_server.stop()
    with pytest.raises(RentalLedgerError) as caught:
        block.__exit__(None, None, None)
    assert [caught.value.uuid] == uuids
    assert running() == set()
    redis_server.start()
    until(lambda: open_ledger(url).backend.open_rentals() == [])
    assert only_entry(url).outcome == "stopped"


def test_redis_loses_everything(
    tmp_path: Path, start: Start, connect: ConnectTo, market: Market, running: Running
) -> None:
    """The next renewal writes the entries of living owners again."""
    server = RedisServer(tmp_path)
    try:
        url = f"{server.url}?lease=2&reconcile_timeout=1"
        owner = start("own", url, rentals=market.items(3))
        uuids = set(owner.hear("entered")["uuids"])
        server.stop()
        server.start()
        assert open_ledger(url).backend.open_rentals() == []
        until(lambda: {one.uuid for one in open_ledger(url).backend.open_rentals()} == uuids)
        owner.kill()
        client = connect(url)
        until(lambda: reap(client).ok and not running())
    finally:
        server.stop()


def path_of(url: str) -> Path:
    """The file of a SQLite ledger."""
    return Path(url.removeprefix("sqlite://").partition("?")[0])


def test_the_file_is_deleted_while_it_is_in_use(
    sqlite_url: str, start: Start, connect: ConnectTo, market: Market, running: Running
) -> None:
    owner = start("own", sqlite_url, rentals=market.items(3))
    uuids = set(owner.hear("entered")["uuids"])
    path = path_of(sqlite_url)
    client = connect(sqlite_url)
    path.unlink()
    assert reap(client).items == []
    assert running() == uuids
    until(lambda: {one.uuid for one in open_ledger(sqlite_url).backend.open_rentals()} == uuids)
    assert path.stat().st_mode & 0o777 == 0o600
    owner.kill()
    until(lambda: reap(client).ok and not running())


def test_a_block_ends_after_the_file_was_deleted(
    sqlite_url: str, connect: ConnectTo, market: Market, running: Running
) -> None:
    client = connect(sqlite_url)
    with client.services.mr.rent(node_id=market.mr[0], disk_size=1, image="i"):
        path_of(sqlite_url).unlink()
    assert running() == set()


def test_a_stop_fails_after_the_file_was_deleted(
    sqlite_url: str, connect: ConnectTo, market: Market, running: Running, sandbox: SandboxServer
) -> None:
    """The entry is written again for the reaper."""
    client = connect(sqlite_url)
    block = client.services.vpn.rent(node_id=market.vpn[0])
    session = block.__enter__()
    path_of(sqlite_url).unlink()
    sandbox.faults.add("status", path="/services/*/stop", status=401)
    with pytest.raises(octaspace.AuthenticationError):
        block.__exit__(None, None, None)
    assert running() == {session.uuid}
    assert only_entry(sqlite_url).released
    sandbox.faults.remove_all()
    assert reap(client).count("stopped") == 1
    assert running() == set()
    assert stops(sandbox)[-1] == session.uuid


#: Arguments: the folder where the disk is mounted, and Python.
_ON_A_SMALL_DISK = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -m tests.rentals.full_disk "$1"'


def test_a_full_disk(tmp_path: Path) -> None:
    """Nothing is rented, and a block that runs ends with what could not be written; see `full_disk`."""
    obstacle = namespaces.obstacle()
    if obstacle is not None:
        if os.environ.get("CI"):
            pytest.fail(obstacle)
        pytest.skip(obstacle)
    folder = namespaces.new_folder()
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        done = subprocess.run(
            namespaces.command(folder, "sh", "-c", _ON_A_SMALL_DISK, "sh", str(disk), sys.executable),
            cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["errors"] == {
        "rent": ["RentalLedgerError", None],
        "create": ["RentalLedgerError", None],
        "reap": ["RentalLedgerError", None],
        "block": ["RentalLedgerError", told["uuid"]],
    }
    assert told["creations"] == 1
    assert told["running while full"] == [told["uuid"]]
    assert told["running"] == []
    assert told["renewals failed"]
    assert told["outcome"] == "stopped"
