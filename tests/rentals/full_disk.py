"""Rent while the disk of the ledger is full. Runs in a mount namespace; prints what happened as JSON.

python -m tests.rentals.full_disk FOLDER
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import octaspace
from octaspace.rentals import open_ledger, reap
from octaspace.sandbox import SandboxServer
from tests.support.waiting import until

from .processes import KEY


class _Words(logging.Handler):
    """Keeps the messages."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _fill(folder: Path) -> None:
    with suppress(OSError), (folder / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def main() -> None:
    folder = Path(sys.argv[1])
    url = f"sqlite:///{folder}/rentals.db?lease=1.5&reconcile_timeout=1"
    words = _Words()
    logging.getLogger("octaspace").addHandler(words)
    errors: dict[str, list[object]] = {}

    def expect(name: str, call: Callable[[], object]) -> None:
        try:
            call()
        except octaspace.RentalLedgerError as error:
            errors[name] = [type(error).__name__, error.uuid]

    with SandboxServer(ready_after=3600) as sandbox:
        first = {rental.uuid for rental in sandbox.world.active()}
        client = octaspace.Client(KEY, base_urls=sandbox.urls, rental_ledger=url)
        uuids: list[str] = []
        seen: list[str] = []

        def running() -> list[str]:
            return [rental.uuid for rental in sandbox.world.active() if rental.uuid not in first]

        def rent() -> None:
            with client.services.mr.rent(node_id=9101, disk_size=1, image="i"):
                raise AssertionError("the block runs without an entry")

        def block() -> None:
            with client.services.vpn.rent(node_id=9301) as session:
                uuids.append(session.uuid)
                _fill(folder)
                until(lambda: any("could not be renewed" in message for message in words.messages))
                expect("rent", rent)
                expect("create", lambda: client.services.vpn.create(node_id=9302, max_duration=60))
                expect("reap", lambda: reap(client))
                seen.extend(running())

        expect("block", block)
        failed = [message for message in words.messages if "could not be renewed" in message]
        left = running()
        (folder / "filling").unlink()
        backend = open_ledger(url).backend
        until(lambda: not backend.open_rentals())
        sys.stdout.write(
            json.dumps(
                {
                    "uuid": uuids[0],
                    "errors": errors,
                    "running while full": seen,
                    "running": left,
                    "creations": sum(
                        entry.method == "POST" and entry.path.count("/") == 2
                        for entry in sandbox.journal.entries()
                    ),
                    "renewals failed": len(failed),
                    "outcome": backend.closed_rentals()[0].outcome,
                }
            )
        )


if __name__ == "__main__":
    main()
