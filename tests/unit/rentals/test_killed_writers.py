"""Writers are killed with SIGKILL in the middle of writes: every acknowledged entry is there afterwards."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from octaspace.rentals import RentalLedger
from octaspace.rentals.sqlite_backend import SqliteBackend

from .entries import ACCOUNT

KILLS = 100

#: A writer acknowledges each write with one line: the id of the entry, and what was written.
LINE = 32 + 2

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def write_until_killed(path: Path, acknowledge: int) -> None:
    ledger = RentalLedger(SqliteBackend(str(path)))
    while True:
        rental = ledger.draft(account=ACCOUNT, service="mr", node_id=9101, name="x" * 150)
        ledger.backend.add(rental)
        os.write(acknowledge, f"{rental.id}b\n".encode())
        ledger.change(rental.id, lambda one: one.changed(uuid=f"u-{one.id}"))
        os.write(acknowledge, f"{rental.id}u\n".encode())
        ledger.close(rental.id, "stopped")
        os.write(acknowledge, f"{rental.id}c\n".encode())


def kill_a_writer(path: Path, *, after: int, spin: int) -> list[tuple[str, str]]:
    """Kill a writer some time after an acknowledged write; returns what it acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            write_until_killed(path, writing)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        said = pipe.read(LINE)
        while len(said) < after * LINE:
            said += pipe.read(LINE)
        for _ in range(spin):
            pass
        os.kill(pid, signal.SIGKILL)
        said += pipe.readall()
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    return [(line[:-1], line[-1:]) for line in said.decode().splitlines()]


def test_no_acknowledged_entry_is_lost(path: Path) -> None:
    dice = random.Random(15)
    last: dict[str, str] = {}
    for _ in range(KILLS):
        last.update(kill_a_writer(path, after=dice.randint(1, 3), spin=dice.randint(0, 100_000)))
    backend = SqliteBackend(str(path))
    stored = {one.id: one for one in (*backend.open_rentals(), *backend.closed_rentals())}
    assert len(last) >= KILLS
    assert last.keys() <= stored.keys()
    for id, write in last.items():
        assert stored[id].uuid == f"u-{id}" or write == "b"
        assert stored[id].outcome == "stopped" or write in "bu"
    # A write may have taken effect without having been acknowledged; each writer leaves one at most.
    assert len(stored.keys() - last.keys()) <= KILLS


def test_no_acknowledged_entry_is_lost_when_several_write(path: Path) -> None:
    """The killed one may hold the lock that the others wait for."""
    survivor = RentalLedger(SqliteBackend(str(path)))
    dice = random.Random(16)
    known = set()
    for _ in range(KILLS // 10):
        known |= {id for id, _ in kill_a_writer(path, after=1, spin=dice.randint(0, 100_000))}
        rental = survivor.draft(account=ACCOUNT, service="vpn", node_id=1)
        survivor.backend.add(rental)
        known.add(rental.id)
    stored = {one.id for one in (*survivor.backend.open_rentals(), *survivor.backend.closed_rentals())}
    assert known <= stored
