"""Separate network and mount namespaces: every port is free, and tests choose the addresses of names.

Inside there is a loopback interface and nothing else. A folder holds the files that stand in for the
machine's own: `hosts`, `resolv.conf`, `nsswitch.conf` and `host.conf`. Shared memory is separate as
well. No root is needed where the system allows user namespaces. Everything that a process inside starts
is inside as well.

Manually, for a debugger for example:

    .venv/bin/python -m tests.support.namespaces .venv/bin/python -m pytest tests/world --pdb
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "VARIABLE", "Hosts", "command", "current_folder", "new_folder", "obstacle"]

ROOT = Path(__file__).resolve().parents[2]

#: Set inside; holds the folder.
VARIABLE = "TEST_NAMESPACES"

#: What stands in for files of /etc. Names are looked up in the file only: there is no name server.
_FILES = {
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "resolv.conf": "",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "host.conf": "multi on\n",
}

#: Some servers leave files in it, and fail on those of others.
_SHARED_MEMORY = Path("/dev/shm")

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


class Hosts:
    """The hosts file of the namespaces; a change is seen by the next look-up of any process.

    Args:
        path: The file. It is the source of a bind mount, so it is written in place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, tuple[str, ...]] = {}

    def point(self, name: str, *addresses: str) -> None:
        """Resolve a name to these addresses, in this order; to none if none is given."""
        self._names[name] = addresses
        self._write()

    def reset(self, names: Mapping[str, tuple[str, ...]]) -> None:
        """Remove every name except these and `localhost`."""
        self._names = dict(names)
        self._write()

    def _write(self) -> None:
        lines = [f"{address} {name}\n" for name, addresses in self._names.items() for address in addresses]
        self._path.write_text(_FILES["hosts"] + "".join(lines))


def current_folder() -> Path | None:
    """The folder of the namespaces this process is in; None outside."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder else None


def new_folder() -> Path:
    """Make the folder for namespaces that are to be entered; the caller removes it."""
    folder = Path(tempfile.mkdtemp(prefix="namespaces-"))
    for name, content in _FILES.items():
        (folder / name).write_text(content)
    return folder


def command(folder: Path, *words: str) -> list[str]:
    """The command that runs another one in new namespaces; its working directory has to be `ROOT`."""
    enter = [sys.executable, "-m", "tests.support.namespaces", "--inside", str(folder), *words]
    unshare = ["unshare", "--net", "--mount"]
    user = os.geteuid()
    if user == 0:
        return [*unshare, "--", *enter]
    # Called root inside, but temporary files must not be looked for among root's.
    return [*unshare, "--map-root-user", "--", "env", f"LOGNAME=user-{user}", *enter]


@cache
def obstacle() -> str | None:
    """Why this system allows no namespaces; None when it does."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "no namespaces here: this needs Linux and the program unshare (Debian: util-linux)"
    folder = new_folder()
    try:
        tried = subprocess.run(
            command(folder, "true"), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        shutil.rmtree(folder)
    if tried.returncode == 0:
        return None
    return (
        f"the system allows no namespaces: {(tried.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    )


def _enter(folder: Path, words: list[str]) -> None:
    """Inside the new namespaces: put the interface and the files in place, then become the command."""
    import fcntl  # not on every system where this module is imported

    with socket.socket() as sock:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack("16xh22x", fcntl.ioctl(sock, _SIOCGIFFLAGS, request))
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
    for name in _FILES:
        if Path("/etc", name).exists():
            subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)
    if _SHARED_MEMORY.is_dir():
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(_SHARED_MEMORY)], check=True)
    os.environ[VARIABLE] = str(folder)
    os.execvp(words[0], words)


def main() -> int:
    """Run a command in new namespaces, from the command line."""
    words = sys.argv[1:]
    if words[:1] == ["--inside"]:
        _enter(Path(words[1]), words[2:])
    if not words:
        print("what is to be run in the namespaces?", file=sys.stderr)
        return 2
    folder = new_folder()
    try:
        return subprocess.call(command(folder, *words), cwd=ROOT)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
