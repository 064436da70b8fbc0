"""One thread per ledger and process renews all leases: when it starts, when it ends, and after a fork."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import octaspace
from octaspace.rentals import RentalLedger, open_ledger
from octaspace.rentals.heartbeat import Heartbeat
from octaspace.rentals.held_rental import HeldRental
from octaspace.rentals.sqlite_backend import SqliteBackend
from octaspace.sandbox import SandboxServer
from tests.support.forked_child import in_child
from tests.support.waiting import until

from .entries import ACCOUNT, SettableClock

ROOT = Path(__file__).resolve().parents[3]


class Lease:
    """Counts what the heartbeat does with it.

    Args:
        again: Whether it is to be renewed again.
        error: Raised by each renewal.
    """

    def __init__(self, *, again: bool = True, error: BaseException | None = None) -> None:
        self.again, self.error = again, error
        self.beats = self.endings = 0

    def beat(self) -> bool:
        self.beats += 1
        if self.error is not None:
            raise self.error
        return self.again

    def let_go(self) -> None:
        self.endings += 1


def heartbeats() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "octaspace-heartbeat"]


@pytest.fixture
def heartbeat() -> Heartbeat:
    """A heartbeat that only beats when the test says so."""
    return Heartbeat(1e6)


def test_one_thread_from_the_first_lease_to_the_last(heartbeat: Heartbeat) -> None:
    before = set(heartbeats())  # those of other tests may be about to end
    assert not heartbeat.is_running
    leases = [Lease() for _ in range(5)]
    for lease in leases:
        heartbeat.add(lease)
    assert heartbeat.is_running
    assert len(set(heartbeats()) - before) == 1
    assert all(thread.daemon for thread in heartbeats())
    for lease in leases:
        assert heartbeat.is_running
        heartbeat.remove(lease)
    until(lambda: not heartbeat.is_running)
    heartbeat.add(leases[0])
    assert heartbeat.is_running
    heartbeat.remove(leases[0])
    until(lambda: not set(heartbeats()) - before)


def test_each_lease_is_renewed_until_it_is_over(heartbeat: Heartbeat) -> None:
    lasting, ending = Lease(), Lease(again=False)
    heartbeat.add(lasting)
    heartbeat.add(ending)
    for _ in range(3):
        heartbeat.beat()
    assert (lasting.beats, ending.beats) == (3, 1)
    heartbeat.let_go()
    assert (lasting.endings, ending.endings) == (1, 0)
    until(lambda: not heartbeat.is_running)


def test_the_end_of_one_lease_does_not_renew_the_others(heartbeat: Heartbeat) -> None:
    lasting = Lease()
    heartbeat.add(lasting)
    for _ in range(50):
        lease = Lease()
        heartbeat.add(lease)
        heartbeat.remove(lease)
    heartbeat.let_go()
    until(lambda: not heartbeat.is_running)
    assert lasting.beats == 0


def test_the_thread_renews_each_period() -> None:
    heartbeat, lease = Heartbeat(0.001), Lease()
    heartbeat.add(lease)
    until(lambda: lease.beats >= 5)
    heartbeat.let_go()
    until(lambda: not heartbeat.is_running)


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_what_a_lease_raises_is_logged_and_the_thread_goes_on(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat, lease, broken = Heartbeat(0.001), Lease(), Lease(error=error)
    heartbeat.add(lease)
    heartbeat.add(broken)
    until(lambda: broken.beats >= 3 and lease.beats >= 3)
    heartbeat.let_go()
    until(lambda: not heartbeat.is_running)
    assert {record.name for record in caplog.records} == {"octaspace"}
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[0] is type(error)


def test_a_system_without_another_thread(
    ledger: RentalLedger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing may be rented, and the next attempt starts one."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    rental = ledger.draft(account=ACCOUNT, service="mr", node_id=9101)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(octaspace.RentalLedgerError, match="thread"):
            HeldRental(ledger, rental, log=logging.getLogger("test")).begin()
    assert not ledger.heartbeat.is_running
    assert [one.outcome for one in ledger.backend.closed_rentals()] == ["not made"]
    lease = Lease()
    ledger.heartbeat.add(lease)
    assert ledger.heartbeat.is_running
    ledger.heartbeat.remove(lease)
    until(lambda: not ledger.heartbeat.is_running)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_renews_its_own_leases_only(path: Path, clock: SettableClock) -> None:
    ledger = RentalLedger(SqliteBackend(str(path), clock=clock))
    ledger.heartbeat.period = 1e6
    of_parent = ledger.draft(account=ACCOUNT, service="mr", node_id=1)
    held = HeldRental(ledger, of_parent, log=logging.getLogger("test"))
    held.begin()
    held.attach("u-parent")
    clock.advance(30)

    def rent_in_child() -> list[object]:
        inherited = (ledger.heartbeat.is_running, len(heartbeats()))
        ledger.heartbeat.beat()
        of_child = ledger.draft(account=ACCOUNT, service="mr", node_id=2)
        held_in_child = HeldRental(ledger, of_child, log=logging.getLogger("test"))
        held_in_child.begin()
        held_in_child.attach("u-child")
        started = (ledger.heartbeat.is_running, len(heartbeats()))
        clock.advance(30)
        ledger.heartbeat.beat()
        ledger.heartbeat.let_go()
        return [inherited, started, os.getpid()]

    inherited, started, pid = in_child(rent_in_child)  # type: ignore[misc]
    assert (inherited, started) == ([False, 0], [True, 1])
    assert ledger.heartbeat.is_running
    parent, child = sorted(ledger.backend.open_rentals(), key=lambda one: one.node_id)
    assert (child.owner.pid, parent.owner.pid) == (pid, os.getpid())
    assert (parent.released, child.released) == (False, True)
    assert parent.renewed == of_parent.renewed, "the child did not renew it"
    assert child.renewed.since(parent.renewed) == 60
    ledger.heartbeat.beat()
    assert ledger.backend.get(of_parent.id).renewed == clock()  # type: ignore[union-attr]
    held.close("stopped")


#: Ends normally while a daemon thread is in its block.
EXIT = """
import sys, threading
import octaspace
inside = threading.Event()

def use():
    with octaspace.Client("k" * 64, base_url=sys.argv[1], rental_ledger=sys.argv[2]) as client:
        offer = client.services.mr.search()[0]
        with client.services.mr.rent(node_id=offer.node_id, disk_size=5, image="ubuntu:24.04") as session:
            print(session.uuid, flush=True)
            inside.set()
            threading.Event().wait()

threading.Thread(target=use, daemon=True).start()
inside.wait()
"""


def test_a_process_that_exits_inside_a_block_gives_its_rental_up(url: str) -> None:
    with SandboxServer(ports=(0,)) as sandbox:
        done = subprocess.run(
            [sys.executable, "-c", EXIT, sandbox.url, url],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    (rental,) = open_ledger(url).backend.open_rentals()
    assert rental.uuid == done.stdout.strip()
    assert rental.released
    assert rental.lease_over(rental.renewed, rental.owner.host)
    assert rental.owner.is_running() is False
