"""The tools under real Gunicorn with three workers: begun in one, seen and stopped from any."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from octaspace.rentals import open_ledger

from ..support.running_playground import ROOT, RunningPlayground, bare_environment
from ..support.waiting import until
from .remote import Remote

pytestmark = pytest.mark.gunicorn

TOOLS = "/playground/diagnostics"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlayground]:
    with RunningPlayground(tmp_path_factory.mktemp("workers"), workers=3) as playground:
        yield playground


def workers_seen(remote: Remote) -> set[str]:
    rows = remote.page(f"{TOOLS}/live").select('[aria-labelledby="workers-title"] tbody tr')
    return {row.select("th")[0].get_text(" ", strip=True).split()[0] for row in rows}


def test_the_lab_is_seen_and_ended_the_same_from_every_worker(
    remote: Remote, running: RunningPlayground
) -> None:
    running.sandbox.faults.add("drop_after_read", probability=0.3)
    remote.post(f"{TOOLS}/lab/fire", kind="mixed", count="60", threads="8", healthy="yes")
    seen = [len(remote.page(f"{TOOLS}/lab").select(".call")) for _ in range(6)]
    assert seen == sorted(seen), "no worker knows less than another did"
    until(lambda: not remote.page(f"{TOOLS}/lab").select("[data-watch]"), within=90)
    page = remote.page(f"{TOOLS}/lab")
    assert len(page.select(".call")) == 60
    assert page.select(".duplicates dd")[0].get_text() == "0"
    assert running.sandbox.journal.summary()["repeated"] == []


def test_a_run_is_cancelled_from_whichever_worker_answers(remote: Remote, running: RunningPlayground) -> None:
    running.sandbox.faults.add("slow", seconds=0.3)
    remote.post(f"{TOOLS}/smoke")
    until(lambda: remote.page(f"{TOOLS}/smoke").select("#suite .badge-state.good"), within=30)
    watched = str(remote.page(f"{TOOLS}/smoke").select("#suite")[0]["data-watch"])
    remote.post(f"{watched}/cancel")
    until(lambda: not remote.page(f"{TOOLS}/smoke").select("[data-watch]"), within=30)
    assert "cancelled" in remote.page(f"{TOOLS}/smoke").get_text()


def test_every_worker_is_in_diagnostics_and_a_killed_one_fades(
    remote: Remote, running: RunningPlayground
) -> None:
    until(lambda: remote.page("/playground/network") and len(workers_seen(remote)) == 3, within=60)
    killed = running.worker_pids()[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(running.worker_pids()) == 3 and killed not in running.worker_pids(), within=60)
    page = remote.page(f"{TOOLS}/live")
    row = next(row for row in page.select("tr.faded") if str(killed) in row.get_text())
    assert "exited" in row.get_text()


def test_a_job_whose_worker_is_killed_is_lost_and_another_may_begin(
    remote: Remote, running: RunningPlayground
) -> None:
    fault = running.sandbox.faults.add("slow", seconds=2)
    remote.post(f"{TOOLS}/smoke", changes="yes")
    for pid in running.worker_pids():
        os.kill(pid, signal.SIGKILL)
    running.sandbox.faults.remove_fault(fault.id)
    until(lambda: len(running.worker_pids()) == 3, within=60)
    said = remote.page(f"{TOOLS}/smoke").select("#suite")[0].get_text()
    assert "lost" in said
    assert "after its creation, and the reaper stops it then" in said
    remote.post(f"{TOOLS}/smoke")
    until(lambda: "passed" in remote.page(f"{TOOLS}/smoke").select(".panel-head")[1].get_text(), within=60)


def test_what_a_lab_has_rented_is_stopped_by_the_reaper_when_its_worker_is_killed(
    remote: Remote, running: RunningPlayground
) -> None:
    world = running.sandbox.world
    before = {rental.uuid for rental in world.active()}
    # Some of the answers are lost, so that the lab does not know those sessions.
    running.sandbox.faults.add("drop_after_read", methods=["POST"], path="/services/mr", probability=0.3)
    started = remote.post(f"{TOOLS}/lab/fire", kind="creates", count="200", threads="4", healthy="yes")
    until(lambda: len({rental.uuid for rental in world.active()} - before) >= 5, within=60)
    for pid in running.worker_pids():
        os.kill(pid, signal.SIGKILL)
    running.sandbox.faults.remove_all()
    until(lambda: len(running.worker_pids()) == 3, within=60)
    assert "the reaper stops it then" in remote.page(started).select("#lab")[0].get_text()
    assert {rental.uuid for rental in world.active()} > before, "nobody has stopped them"

    ledger = open_ledger(f"sqlite:///{quote(str(running.state_dir / 'rentals.db'))}")
    entries = ledger.backend.open_rentals()
    assert {entry.name for entry in entries} == {"failover lab"}
    for entry in entries:
        assert entry.deadline is not None
        assert entry.deadline.since(entry.created) <= 600
        ledger.extend(entry.id, 0.001)
    reap(running)
    assert {rental.uuid for rental in world.active()} == before


def test_a_rental_of_the_runner_whose_worker_is_killed_is_found(
    remote: Remote, running: RunningPlayground
) -> None:
    world = running.sandbox.world
    before = {rental.uuid for rental in world.active()}
    relay = running.sandbox.world.initial_state.vpn[0]["node_id"]
    running.sandbox.faults.add("stall", methods=["POST"])
    asked = {
        "mr": {"node_id": 9101, "disk_size": 1, "image": "ubuntu:24.04"},
        "vpn": {"node_id": relay, "subkind": "wg"},
    }
    runs = {
        service: remote.post(
            f"{TOOLS}/runner/run", method=f"services.{service}.create", args=json.dumps(arguments),
            confirmed="yes", **{"as": "json"},
        )
        for service, arguments in asked.items()
    }  # fmt: skip
    until(lambda: len([entry for entry in running.sandbox.journal.entries() if entry.change]) == 2, within=30)
    for pid in running.worker_pids():
        os.kill(pid, signal.SIGKILL)
    running.sandbox.faults.remove_all()
    until(lambda: len({rental.uuid for rental in world.active()} - before) == 2, within=30)
    until(lambda: len(running.worker_pids()) == 3, within=60)
    made = {rental.service: rental.uuid for rental in world.active() if rental.uuid not in before}
    for service, run in runs.items():
        result = remote.page(run).select("#run")[0]
        assert "It was rented" in result.get_text()
        assert result.select(f'a[href^="/playground/sessions/{made[service]}"]')
    assert len([entry for entry in running.sandbox.journal.entries() if entry.change]) == 2


def reap(running: RunningPlayground) -> None:
    """One round of the reaper, as a process of its own."""
    environment = {
        **bare_environment(),
        "PLAYGROUND_STATE_DIR": str(running.state_dir),
        "PLAYGROUND_SANDBOX_URLS": ",".join(running.sandbox.urls),
    }
    command = [sys.executable, "-m", "playground.reaper", "--once"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)
