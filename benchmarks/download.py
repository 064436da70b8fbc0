"""`python -m benchmarks.download`: download a large file to disk with this SDK, and without any library.

The comparison is `shutil.copyfileobj` from the file of a socket to a file on the same disk. Each download
runs in a new process, and the downloads take turns. The peak of memory is that of the process above its size
before the download. With `--instructions`, valgrind counts the instructions of one MiB, without the work of
the kernel. The count varies with the number of bytes that each receive returns.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from .download_server import MIB
from .processes import ROOT, Process, cores

__all__ = ["CONTENDERS", "main"]

#: Sizes in MiB whose difference is counted by valgrind.
_FEW, _MANY = 16, 48


def _copyfileobj(url: str, size: int, to: str) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 80)
    # Never in chunks, which it would write to the file as they are.
    with socket.create_connection(address) as sock, sock.makefile("rb") as body, open(to, "wb") as target:
        sock.sendall(f"GET /nodes/{size}/logs HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while body.readline() != b"\r\n":
            pass
        shutil.copyfileobj(body, target)


def _octaspace(url: str, size: int, to: str) -> None:
    import octaspace

    with octaspace.Client("key", base_url=url, max_retries=0) as client:
        client.nodes.download_logs(size, to=to)


#: By name: downloads that many MiB.
CONTENDERS: dict[str, Callable[[str, int, str], None]] = {
    "copyfileobj from a socket": _copyfileobj,
    "octaspace": _octaspace,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.download", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file (default 1024)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds, to take the median of (default 4)")
    parser.add_argument("--chunked", action="store_true", help="octaspace receives chunks of 32 KiB")
    parser.add_argument("--folder", help="the disk to write to (default: that of temporary files)")
    parser.add_argument("--instructions", action="store_true", help="count instructions with valgrind")
    parser.add_argument("--run", nargs=3, metavar=("NAME", "URL", "TO"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.run is not None:
        _say(json.dumps(_run(*options.run, options.mib)))
        return 0
    if options.instructions and shutil.which("valgrind") is None:
        parser.error("valgrind is not installed (Debian: apt-get install valgrind)")
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        Process("benchmarks.download_server", core=cores()[1]) as server,
    ):
        url = f"http://127.0.0.1:{int(server.hear())}{'/chunked' if options.chunked else ''}"
        to = str(Path(folder, "logs.zip"))
        if options.instructions:
            _print_instructions(url, to)
        else:
            _print_speeds(url, to, options.mib, options.rounds)
    return 0


def _print_speeds(url: str, to: str, size: int, rounds: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for number in range(rounds):
        # In turns: the system may still be writing the previous file.
        for name in list(runs)[:: -1 if number % 2 else 1]:
            runs[name].append(json.loads(_python(name, url, to, size).stdout))
            os.unlink(to)
    _say("| | MB/s | ratio | CPU seconds | MiB of memory above start |\n|---|---:|---:|---:|---:|")
    first: float | None = None
    for name, found in runs.items():
        speed = size * MIB / 1e6 / median(run["seconds"] for run in found)
        first = first or speed
        cpu, memory = median(run["cpu"] for run in found), max(run["kib"] for run in found) / 1024
        _say(f"| {name} | {speed:,.0f} | {speed / first:.2f} | {cpu:.2f} | {memory:.1f} |")


def _print_instructions(url: str, to: str) -> None:
    _say("| | thousand instructions per MiB | ratio |\n|---|---:|---:|")
    first: float | None = None
    for name in CONTENDERS:
        counts = [_instructions(name, url, to, size) for size in (_FEW, _MANY)]
        per_mib = (counts[1] - counts[0]) / (_MANY - _FEW)
        first = first or per_mib
        _say(f"| {name} | {per_mib / 1000:,.1f} | {per_mib / first:.2f} |")


def _instructions(name: str, url: str, to: str, size: int) -> int:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    found = re.search(r"Collected : (\d+)", _python(name, url, to, size, before=valgrind).stderr)
    assert found is not None
    return int(found[1])


def _python(
    name: str, url: str, to: str, size: int, *, before: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this module in a new process that makes one download."""
    command = [
        *(before or []), sys.executable, "-m", "benchmarks.download", "--mib", str(size),
        "--run", name, url, to,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def _run(name: str, url: str, to: str, size: int) -> dict[str, Any]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cores()[0]})
    download = CONTENDERS[name]
    download(url, 0, to)  # imports, and what is allocated once
    before, used, began = _peak_kib(), _cpu_seconds(), time.perf_counter()
    download(url, size, to)
    seconds = time.perf_counter() - began
    cpu, kib = _cpu_seconds() - used, _peak_kib() - before
    written = os.path.getsize(to)
    if written != size * MIB:
        raise RuntimeError(f"{name} has written {written} bytes")
    return {"seconds": seconds, "cpu": cpu, "kib": kib}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_kib() -> int:
    """The peak of resident memory, from Linux if possible: elsewhere it includes that of the parent."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
