"""Locks of SDK and extension are reentrant: a signal handler may call them while its thread holds one."""

from __future__ import annotations

import re

from ..support.running_playground import ROOT

#: The gate of a flight is taken with a time limit. The event is for a forked child, which has one thread.
ALLOWED = {"octaspace/transport/single_flight.py": ["Lock"], "octaspace/fork.py": ["Event"]}


def test_locks_are_reentrant() -> None:
    found = {}
    for path in (*(ROOT / "octaspace").rglob("*.py"), *(ROOT / "flask_octaspace").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        calls = re.findall(r"threading\.(Lock|Semaphore|BoundedSemaphore|Event)\(", path.read_text())
        if calls and not name.startswith("octaspace/sandbox/"):
            found[name] = calls
    assert found == ALLOWED
