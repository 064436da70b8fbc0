"""A process that forks while it holds rentals."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from octaspace import RentalLedgerError
from octaspace.rentals import RentalLedger, open_ledger
from octaspace.rentals.heartbeat import Heartbeat
from tests.support.waiting import until

from .conftest import write_entry
from .processes import ROOT

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

#: Forks while another thread writes to the ledger; each child writes as well. Prints how each child ended.
_FORKING = """
import os, sys, threading
from octaspace.rentals import open_ledger
from tests.rentals.conftest import write_entry

url, ended, begun = sys.argv[1], threading.Event(), threading.Event()

def write():
    number = 0
    while not ended.is_set():
        write_entry(url, "mr", 1, id=f"parent-{number % 5}")
        begun.set()
        number += 1

writer = threading.Thread(target=write)
writer.start()
begun.wait()
for number in range(12):
    pid = os.fork()
    if pid == 0:
        try:
            for place in range(3):
                write_entry(url, "mr", 1, id=f"child-{number}-{place}")
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
ended.set()
writer.join()
"""


def test_children_forked_during_a_transaction_can_use_the_ledger(ledger_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _FORKING, ledger_url],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["0"] * 12, done.stderr
    ids = {rental.id for rental in open_ledger(ledger_url).backend.open_rentals()}
    assert {f"child-{number}-{place}" for number in range(12) for place in range(3)} <= ids


class _Lease:
    """Counts its renewals."""

    def __init__(self, hook: Callable[[], object] = lambda: None) -> None:
        self.beats, self._hook = 0, hook

    def beat(self) -> bool:
        self.beats += 1
        self._hook()
        return True

    def let_go(self) -> None:
        pass


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ValueError])
def test_a_hook_that_raises_ends_no_heartbeat(error: type[BaseException]) -> None:
    def leave() -> None:
        raise error

    heartbeat = Heartbeat(0.01)
    leaving, other = _Lease(leave), _Lease()
    heartbeat.add(other)
    heartbeat.add(leaving)
    until(lambda: leaving.beats > 2)
    heartbeat.remove(leaving)
    before = other.beats
    until(lambda: other.beats > before + 2)
    heartbeat.remove(other)
    until(lambda: not heartbeat.is_running)


def test_the_heartbeat_starts_with_the_next_rental_when_no_thread_could_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heartbeat = Heartbeat(0.01)
    first, second = _Lease(), _Lease()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RentalLedgerError):
            heartbeat.add(first)
    assert not heartbeat.is_running
    heartbeat.add(second)
    until(lambda: second.beats > 2)
    heartbeat.remove(first)
    heartbeat.remove(second)
    until(lambda: not heartbeat.is_running)


def test_a_ledger_after_a_fork_has_no_leases(sqlite_url: str) -> None:
    """They belong to the parent."""
    ledger: RentalLedger = open_ledger(sqlite_url)
    write_entry(sqlite_url, "mr", 1, id="a")
    lease = _Lease()
    ledger.heartbeat.add(lease)
    pid = os.fork()
    if pid == 0:
        os._exit(int(ledger.heartbeat.is_running))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ledger.heartbeat.is_running
    ledger.heartbeat.remove(lease)
    until(lambda: not ledger.heartbeat.is_running)
