"""What the app consists of, per process: the operator's settings, stores, clients and threads."""

from __future__ import annotations

import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

from cachelib import BaseCache, FileSystemCache
from flask import Flask, current_app

from flask_octaspace import OctaSpace

from .clients import Clients
from .process import ProcessSettings
from .store import Database

__all__ = ["EXTENSION", "Parts", "current_parts"]

#: Name in `app.extensions`.
EXTENSION: Final = "playground"

#: A browser that was away for longer starts anew.
IDLE_SECONDS: Final = 12 * 3600

#: Threads for the calls of pages. More than one page has, so that a stalled page does not stop another.
_CALL_THREADS: Final = 32


class Parts:
    """One per app, in ``app.extensions["playground"]``.

    Attributes:
        process: The operator's settings.
        octa: The extension that knows the default client.
        clients: A client per distinct settings.
        states: Where the browsers' state is kept.
        database: Request log, one-time tokens, worker snapshots.
    """

    def __init__(self, app: Flask, process: ProcessSettings, octa: OctaSpace) -> None:
        self.process = process
        self.octa = octa
        folder = process.state_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.secret_key = process.secret_key or _kept_secret(folder / "secret_key")
        self.states = _states(process, folder)
        self.database = Database(folder / "playground.sqlite3")
        self.clients = Clients(app, octa)
        self._lock = threading.Lock()
        self._executor: tuple[int, ThreadPoolExecutor] | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads for calls; made at the first use, and anew in a forked worker."""
        with self._lock:
            if self._executor is None or self._executor[0] != os.getpid():
                pool = ThreadPoolExecutor(_CALL_THREADS, thread_name_prefix="panel")
                self._executor = os.getpid(), pool
            return self._executor[1]

    def close(self) -> None:
        """Let threads and connections of this process go."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None and executor[0] == os.getpid():
            executor[1].shutdown(wait=False, cancel_futures=True)
        self.clients.close()


def current_parts() -> Parts:
    """The parts of the current app."""
    return cast(Parts, current_app.extensions[EXTENSION])


def _states(process: ProcessSettings, folder: Path) -> BaseCache:
    if process.redis_url is not None:
        # Only then: redis is an extra.
        from cachelib import RedisCache
        from redis import Redis

        return RedisCache(
            Redis.from_url(process.redis_url), default_timeout=IDLE_SECONDS, key_prefix="playground:"
        )
    # threshold=0: by default entries past 500 are thrown away.
    return FileSystemCache(str(folder / "browsers"), threshold=0, default_timeout=IDLE_SECONDS, mode=0o600)


def _kept_secret(path: Path) -> str:
    """The key that signs cookies: made once, by whichever worker is first, and the same for all."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    with os.fdopen(handle, "w") as file:
        secret = secrets.token_hex(32)
        file.write(secret)
    return secret


def _read_secret(path: Path) -> str:
    """The kept key; waits for the worker that is just writing it."""
    written = threading.Event()
    for _ in range(200):
        secret = path.read_text().strip()
        if len(secret) == 64:
            return secret
        written.wait(0.01)
    raise RuntimeError(f"{path} holds no key; remove it to have one made")
