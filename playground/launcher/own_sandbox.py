"""The sandbox that the launcher starts: two endpoints and a control port."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ..settings import StartError
from .listening import port_to_listen_at
from .signals import OperatorSignals
from .subprocesses import Child

__all__ = ["StoppedError", "start_sandbox"]

#: Its ports if they are free, the control port last; `bin/sandbox` uses 3001.
_PORTS: Final = (3101, 3102, 3103)

_READY_WITHIN: Final = 60.0

#: Prefixes of the variables that it gets: what Python needs to run, and nothing secret.
_NEEDS: Final = (
    "PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "PYTHON", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT",
)  # fmt: skip


class StoppedError(Exception):
    """A stop was requested during the start."""


def start_sandbox(
    folder: Path, seed: int, dataset: str, environment: Mapping[str, str], signals: OperatorSignals
) -> tuple[Child, list[str], str]:
    """Start it; return its process, and the addresses of its endpoints and of its control path.

    Args:
        folder: Its working directory.
        seed: Its seed.
        dataset: Its data set.
        environment: The environment of the launcher, of which it gets no secret.
        signals: End the wait for it.

    Raises:
        StartError: It ended, or was not ready in time.
        StoppedError: A stop was requested.
    """
    needed = {name: value for name, value in environment.items() if name.startswith(_NEEDS)}
    for ports in (_wanted_ports(), (0,) * len(_PORTS)):
        command = [sys.executable, "-m", "octaspace.sandbox", "--seed", str(seed), "--dataset", dataset]
        for port in ports[:-1]:
            command += ["--port", str(port)]
        command += ["--control-port", str(ports[-1])]
        child = Child("The sandbox", command, folder, needed, piped=True)
        try:
            told = _told_addresses(child, signals)
        except BaseException:
            child.stop(signals.force)
            raise
        if told is not None:
            return child, *told
        child.stop(signals.force)
        # Another playground has taken one of the ports: use any other ports.
    raise StartError(f"The sandbox ended before it was ready ({child.how_it_ended})")


def _wanted_ports() -> Sequence[int]:
    wanted = []
    for port in _PORTS:
        try:
            wanted.append(port_to_listen_at("127.0.0.1", port))
        except StartError:
            wanted.append(0)
    return wanted


def _told_addresses(child: Child, signals: OperatorSignals) -> tuple[list[str], str] | None:
    """Read the addresses that the sandbox prints; None if it exits."""
    urls: list[str] = []
    pipe, buffer, end = child.process.stdout, b"", time.monotonic() + _READY_WITHIN
    while pipe is not None and time.monotonic() < end:
        if signals.stop:
            raise StoppedError
        if not select.select([pipe], [], [], 0.1)[0]:
            continue
        piece = os.read(pipe.fileno(), 4096)
        if not piece:
            child.process.wait()
            return None
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in lines:
            name, _, rest = line.decode().partition(" on ")
            url = rest.partition(" ")[0]
            if name == "control":
                return urls, url.rpartition("/_sandbox")[0] or url
            urls.append(url)
    raise StartError(f"The sandbox was not ready within {_READY_WITHIN:g} s")
