"""Owners and reapers as processes of their own, run step by step."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from octaspace import Client, LeaseLostError
from octaspace.rentals import LedgerTime, RentalLedger, open_ledger, reap
from octaspace.rentals import owner as owner_module
from octaspace.rentals.ledger_url import parse_ledger_url

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-rentals".ljust(64, "0")


def shifted_ledger(url: str, shift: Path) -> RentalLedger:
    """A ledger whose clock was set: forward or back by the number of seconds in a file.

    A clock of SQLite is the host's boot clock, which cannot be set: only the calendar's time is changed.
    """
    address = parse_ledger_url(url)
    ledger = open_ledger(url)
    now = ledger.backend.now

    def set_clock() -> LedgerTime:
        true, difference = now(), float(shift.read_text())
        if address.path is not None:
            return replace(true, wall=true.wall + difference)
        return replace(true, seconds=true.seconds + difference, wall=true.wall + difference)

    ledger.backend.now = set_clock  # type: ignore[method-assign]
    return ledger


class ChildProcess:
    """This module in a process; see `main` for the orders.

    Args:
        order: What it does.
    """

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rentals.processes", json.dumps(order)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self.pid = self._process.pid

    def hear(self, what: str) -> dict[str, Any]:
        """Wait for what it tells; other things before it are dropped."""
        return self.hear_all(what)[0]

    def hear_all(self, *whats: str) -> list[dict[str, Any]]:
        """Wait for several things that its threads tell in any order; returns them in the order asked for."""
        assert self._process.stdout is not None
        found: dict[str, dict[str, Any]] = {}
        for line in self._process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["what"] in whats:
                found.setdefault(told["what"], told)
            if len(found) == len(whats):
                return [found[what] for what in whats]
        missing = set(whats) - set(found)
        raise AssertionError(f"the process ended with {self._process.wait()} and did not tell {missing}")

    def go(self) -> None:
        """Let it continue where it waits."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def suspend(self) -> None:
        """Suspend it, and return when it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self, *, reap: bool = True) -> None:
        """End it with SIGKILL. With `reap=False` it remains as a zombie until `close`."""
        self._process.kill()
        if reap:
            self._process.wait(20)
        else:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def wait(self) -> int:
        return self._process.wait(60)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


# What follows runs in the process.


def _tell(what: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
    sys.stdout.flush()


def _wait_at(what: str, **more: Any) -> None:
    _tell(what, **more)
    sys.stdin.readline()


def _client(order: dict[str, Any]) -> Client:
    ledger: Any = order["ledger"]
    if order.get("shift"):
        ledger = shifted_ledger(ledger, Path(order["shift"]))

    def on_request(request: dict[str, Any]) -> None:
        if order.get("waits_before_send") and request["method"] == "POST" and request["path"].count("/") == 2:
            _wait_at("about to send")

    return Client(
        KEY, base_urls=order["urls"], rental_ledger=ledger, on_request=on_request, read_timeout=5,
        retry_interval=0.02, failure_cooldown=0.1,
    )  # fmt: skip


def _rental(client: Client, item: dict[str, Any], **more: Any) -> Any:
    service, node_id = item["service"], item["node"]
    if service == "vpn":
        return client.services.vpn.rent(node_id=node_id, **more)
    if service == "render":
        return client.services.render.rent(node_id=node_id, disk_size=1, **more)
    return client.services.mr.rent(node_id=node_id, disk_size=1, image="ubuntu:24.04", **more)


def _own(order: dict[str, Any]) -> None:
    """Rent, tell the uuids, wait, and end the blocks."""
    if order.get("away"):
        owner_module.boot_id = lambda: "another machine's boot"  # type: ignore[assignment]
    client = _client(order)

    def lost(error: LeaseLostError) -> None:
        _tell("lost", uuid=error.uuid, rental_id=error.rental_id)

    try:
        with ExitStack() as stack:
            uuids = [
                stack.enter_context(_rental(client, item, on_lease_lost=lost)).uuid
                for item in order["rentals"]
            ]
            child = order.get("forks") and os.fork()
            if order.get("forks") and not child:
                time.sleep(60)
                os._exit(0)
            _wait_at("entered", uuids=uuids, child=child)
    except Exception as error:
        _tell(
            "failed", error=type(error).__name__, uuid=getattr(error, "uuid", None),
            unknown=getattr(error, "outcome_unknown", None), text=str(error),
        )  # fmt: skip
    else:
        _tell("left")
    sys.stdin.readline()


def _reap(order: dict[str, Any]) -> None:
    """Rounds of a reaper, each when it is told to."""
    client = _client(order)
    while True:
        _wait_at("ready")
        report = reap(client)
        _tell(
            "round",
            ok=report.ok,
            problem=report.problem,
            items=[{"uuid": item.rental.uuid, "result": item.result} for item in report.items],
        )


def main() -> None:
    """Carry out the order, a JSON object on the command line."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    order = json.loads(sys.argv[1])
    {"own": _own, "reap": _reap}[order["do"]](order)


if __name__ == "__main__":
    main()
