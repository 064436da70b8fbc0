"""Leases that fail: the others are renewed, and the end of the process is not delayed once for each."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from octaspace.rentals import RentalLedger, open_ledger
from octaspace.rentals.heartbeat import Heartbeat
from octaspace.rentals.held_rental import HeldRental
from tests.support.memory_ledger import memory_ledger
from tests.support.waiting import until

from .entries import SettableClock, new_rental


class Lease:
    """A lease that counts.

    Args:
        error: What each renewal raises.
        is_writable: Whether it can be given up.
    """

    def __init__(self, error: BaseException | None = None, *, is_writable: bool = True) -> None:
        self.beats, self.lets_go = 0, 0
        self._error, self._is_writable = error, is_writable

    def beat(self) -> bool:
        self.beats += 1
        if self._error is not None:
            raise self._error
        return True

    def let_go(self) -> bool:
        self.lets_go += 1
        return self._is_writable


@pytest.mark.parametrize("error", [RuntimeError("a bug"), SystemExit(1)], ids=["error", "exit"])
def test_a_lease_that_fails_keeps_no_other_from_being_renewed(error: BaseException) -> None:
    heartbeat, failing, other = Heartbeat(1e6), Lease(error), Lease()
    for lease in (failing, other):
        heartbeat.add(lease)
    heartbeat.beat()
    heartbeat.beat()
    assert (failing.beats, other.beats) == (2, 2)
    heartbeat.let_go()


def test_a_filter_that_raises_does_not_end_the_thread() -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter of the program")

    heartbeat, failing = Heartbeat(0.01), Lease(RuntimeError("a bug"))
    log = logging.getLogger("octaspace")
    log.addFilter(refuse)
    try:
        heartbeat.add(failing)
        until(lambda: failing.beats >= 3)
        assert heartbeat.is_running
    finally:
        log.removeFilter(refuse)
        heartbeat.let_go()


def test_a_thread_that_has_ended_is_replaced() -> None:
    heartbeat, lease = Heartbeat(1e6), Lease()
    ended = threading.Thread(target=lambda: None)
    ended.start()
    ended.join()
    heartbeat._thread = ended
    heartbeat.add(lease)
    assert heartbeat.is_running
    heartbeat.let_go()


def test_the_end_of_the_process_tries_a_broken_ledger_once() -> None:
    heartbeat = Heartbeat(1e6)
    leases = [Lease(), Lease(is_writable=False), Lease()]
    for lease in leases:
        heartbeat.add(lease)
    heartbeat.let_go()
    assert [lease.lets_go for lease in leases] == [1, 1, 0]


def test_a_renewal_writes_without_a_read(ledger: RentalLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads only when another process has changed the entry."""
    rental = ledger.draft(account="a" * 32, service="mr", node_id=9101)
    held = HeldRental(ledger, rental, log=logging.getLogger("octaspace"))
    held.begin()
    held.attach("u-1")
    reads = []
    get = ledger.backend.get
    monkeypatch.setattr(ledger.backend, "get", lambda each: reads.append(each) or get(each))
    assert held.beat()
    assert reads == []
    ledger.extend(rental.id, 60.0)
    assert held.beat()
    stored = get(rental.id)
    assert stored is not None
    assert stored.deadline is not None
    assert len(reads) == 2  # of the extension, and of the renewal
    held.close("stopped")


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf"), 1e12, "60", True, None])
def test_a_deadline_is_only_extended_by_seconds(seconds: object) -> None:
    """A deadline that is not a number would never pass."""
    ledger = memory_ledger()
    with pytest.raises(ValueError, match="seconds"):
        ledger.extend("e1", seconds)  # type: ignore[arg-type]


def test_a_restart_that_the_system_does_not_tell_moves_no_deadline() -> None:
    """Without a boot id the epoch stays the same, and the boot clock begins at zero."""
    clock = SettableClock("unnamed")
    clock.advance(30 * 86400.0)
    created = clock()
    rental = new_rental(lease=None, created=created, renewed=created, deadline=created.after(3600.0))
    clock.reboot("unnamed", after=60.0)
    assert not rental.deadline_passed(clock())
    clock.advance(3600.0)
    assert rental.deadline_passed(clock())


#: Rents as far as the ledger sees it, and becomes another program.
REPLACED = """
import logging, os, sys
from octaspace.rentals import open_ledger
from octaspace.rentals.held_rental import HeldRental
ledger = open_ledger(sys.argv[1])
held = HeldRental(ledger, ledger.draft(account="a" * 32, service="mr", node_id=1), log=logging.getLogger())
held.begin()
held.attach("u-1")
sys.stdin.readline()
os.execvp("cat", ["cat"])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the threads of a process")
def test_a_process_that_has_replaced_itself_is_not_the_owner(path: Path) -> None:
    """`os.exec` keeps the process id and its start time, and renews no lease."""
    backend = open_ledger(f"sqlite:///{path}").backend
    command = [sys.executable, "-c", REPLACED, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        until(lambda: any(one.uuid for one in backend.open_rentals()))
        (rental,) = backend.open_rentals()
        assert rental.owner_lives() is True
        owner.stdin.write(b"go\n")
        owner.stdin.flush()
        until(lambda: rental.owner_lives() is False)
        assert rental.owner.is_running() is True
        owner.stdin.close()
