"""The running playgrounds of this user, for `bin/console --playground`.

A launcher describes its playground in a file of the state folder, readable by its user only, and holds a
lock on the file while it runs. The lock ends with the process, so the file of a killed launcher is not
mistaken for a running playground. The file contains no key and no password.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

__all__ = ["RunningInstance", "announced", "running_instances"]

_PREFIX: Final = "running-"


@dataclass(frozen=True)
class RunningInstance:
    """A running playground.

    Attributes:
        url: Its address.
        sandbox_urls: The endpoints of its sandbox.
        operator_urls: The endpoints that a new browser uses with OCTA_API_KEY; empty if it uses the sandbox.
    """

    url: str
    sandbox_urls: tuple[str, ...]
    operator_urls: tuple[str, ...] = ()


@contextmanager
def announced(folder: Path, instance: RunningInstance) -> Iterator[None]:
    """Describe a running playground in its state folder during a `with` block.

    Args:
        folder: The state folder, which exists.
        instance: The playground.

    Raises:
        OSError: The file cannot be written.
    """
    name = re.sub(r"\W+", "-", instance.url.partition("://")[2])
    path = folder / f"{_PREFIX}{name}.json"
    with closing(_File(path)) as file:
        # A console holds the lock for a moment, while it reads the file.
        fcntl.flock(file.number, fcntl.LOCK_EX)
        os.ftruncate(file.number, 0)
        os.write(file.number, json.dumps(asdict(instance)).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running_instances(folders: Iterable[Path]) -> list[RunningInstance]:
    """The playgrounds that run, by their state folders."""
    found = []
    for folder in folders:
        for path in sorted(folder.glob(f"{_PREFIX}*.json")):
            instance = _read(path)
            if instance is not None:
                found.append(instance)
    return found


class _File:
    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def close(self) -> None:
        os.close(self.number)


def _read(path: Path) -> RunningInstance | None:
    """The playground that a file describes; None if it does not run."""
    with suppress(OSError, ValueError, KeyError, TypeError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = json.loads(file.read())
            urls = tuple(found["sandbox_urls"]), tuple(found["operator_urls"])
            return RunningInstance(str(found["url"]), *urls)
    return None
