"""Threads, processes and forked children change one entry, and no change is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import octaspace
from octaspace.rentals import Rental, open_ledger
from tests.support.forked_child import in_child

from .entries import new_rental

ROOT = Path(__file__).resolve().parents[3]

THREADS, PROCESSES, CHANGES = 16, 4, 5

#: Says when it is ready, waits for a line, and counts up.
COUNT = """
import sys
from octaspace.rentals import open_ledger
ledger = open_ledger(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    ledger.change("e1", lambda rental: rental.changed(node_id=rental.node_id + 1))
"""


def count_up(rental: Rental) -> Rental:
    return rental.changed(node_id=rental.node_id + 1)


def test_threads_and_processes_lose_no_change(url: str) -> None:
    ledger = open_ledger(url)
    ledger.backend.add(new_rental(node_id=0))
    command = [sys.executable, "-c", COUNT, url, str(CHANGES)]
    started = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(THREADS) as pool:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        changes = [pool.submit(ledger.change, "e1", count_up) for _ in range(THREADS * CHANGES)]
        for change in changes:
            assert change.result(60) is not None
    for process in started:
        _, problems = process.communicate(timeout=60)
        assert process.returncode == 0, problems
    stored = ledger.backend.get("e1")
    assert stored is not None
    assert stored.node_id == (THREADS + PROCESSES) * CHANGES


def test_processes_that_begin_a_ledger_at_once_make_one(url: str) -> None:
    script = (
        "import sys; from octaspace.rentals import open_ledger; ledger = open_ledger(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for number in range(5):\n"
        "    ledger.backend.add(ledger.draft(account='a', service='vpn', node_id=number))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, url],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(PROCESSES)
    ]  # fmt: skip
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        _, problems = process.communicate("\n", timeout=60)
        assert process.returncode == 0, problems
    assert len(open_ledger(url).backend.open_rentals()) == 5 * PROCESSES


def test_an_entry_that_others_change_all_the_time_is_an_error_in_the_end(url: str) -> None:
    ledger = open_ledger(url)
    ledger.backend.add(new_rental())

    def disturbed(rental: Rental) -> Rental:
        assert ledger.backend.replace(rental, rental.changed())
        return rental.changed(name="never stored")

    with pytest.raises(octaspace.RentalLedgerError, match="e1"):
        ledger.change("e1", disturbed)
    stored = ledger.backend.get("e1")
    assert stored is not None
    assert stored.name is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_shares_the_ledger_and_no_connection(url: str) -> None:
    ledger = open_ledger(url)
    ledger.backend.add(new_rental(node_id=0))

    def change_in_child() -> str:
        for _ in range(20):
            ledger.change("e1", count_up)
        ledger.backend.add(new_rental("of-the-child"))
        assert open_ledger(url) is ledger
        return str(ledger.backend.get("e1"))

    # Both at once: a shared connection would mix up their answers.
    with ThreadPoolExecutor(1) as pool:
        child = pool.submit(in_child, change_in_child)
        for _ in range(20):
            ledger.change("e1", count_up)
        assert "'e1'" in str(child.result(60))
    assert ledger.backend.get("of-the-child") is not None
    stored = ledger.backend.get("e1")
    assert stored is not None
    assert stored.node_id == 40
