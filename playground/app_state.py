"""State of the app per process: the operator's settings, the store, clients and threads."""

from __future__ import annotations

import contextvars
import errno
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from flask import Flask, current_app

from octaspace import RentalLedgerError
from octaspace.rentals.ledger import RentalLedger, open_ledger
from octaspace.rentals.ledger_url import parse_ledger_url

from .sdk.client_cache import ClientCache
from .secret_key import load_or_create_secret
from .settings import ProcessSettings, StartError
from .store import StoreError, open_database

__all__ = [
    "EXTENSION", "AppState", "check_rental_ledger", "current_app_state", "ensure_private_directory",
    "open_rental_ledger",
]  # fmt: skip

_T = TypeVar("_T")

#: Name in `app.extensions`.
EXTENSION: Final = "playground"

#: Threads for the calls of pages, per concurrent page: about as many as a page has panels, so that stalled
#: pages do not block others. Each download has one more.
_CALLS_PER_PAGE: Final = 8


class AppState:
    """One per app, in ``app.extensions["playground"]``.

    Attributes:
        process: The operator's settings.
        clients: One client per distinct configuration.
        database: The store shared by all workers: state of browsers, request log, tokens, snapshots, jobs.
        secret_key: Signs cookies.
        rental_ledger: Records what is rented; see `octaspace.rentals`.
        login_slots: For threads that delay a login attempt: at most half of the threads of pages.

    Raises:
        StartError: The state folder or the store cannot be used.
    """

    def __init__(self, app: Flask, process: ProcessSettings) -> None:
        self.process = process
        try:
            folder, generation = process.state_dir, process.store_generation
            if generation is None:
                ensure_private_directory(folder)
            self.secret_key = process.secret_key or load_or_create_secret(folder / "secret_key")
            self.database = open_database(
                folder, process.redis_url, process.store_bytes, generation=generation
            )
        except OSError as error:
            raise StartError(
                f"The state cannot be stored in {process.state_dir}: {error.strerror}; "
                "see PLAYGROUND_STATE_DIR"
            ) from None
        except StoreError as error:
            raise StartError(str(error)) from None
        self.rental_ledger = open_rental_ledger(process)
        self.clients = ClientCache(app, operator_key=process.operator_key)
        self.login_slots = threading.BoundedSemaphore(max(1, process.threads // 2))
        self._lock = threading.Lock()
        self._executor: tuple[int, ThreadPoolExecutor] | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads for calls; created at the first use, and again in a forked worker."""
        with self._lock:
            if self._executor is None or self._executor[0] != os.getpid():
                threads = self.process.thread_counts
                pool = ThreadPoolExecutor(
                    max(32, _CALLS_PER_PAGE * threads.page) + threads.download, thread_name_prefix="panel"
                )
                self._executor = os.getpid(), pool
            return self._executor[1]

    def submit(self, function: Callable[..., _T], *args: Any) -> Future[_T]:
        """Call a function in one of the threads, in a copy of the caller's context.

        Raises:
            RuntimeError: The worker is shutting down.
        """
        return self.executor.submit(contextvars.copy_context().run, function, *args)

    def close(self) -> None:
        """Stop the threads and close the connections of this process."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None and executor[0] == os.getpid():
            executor[1].shutdown(wait=False, cancel_futures=True)
        self.clients.close()
        self.database.close()


def current_app_state() -> AppState:
    """The state of the current app."""
    return cast(AppState, current_app.extensions[EXTENSION])


def open_rental_ledger(process: ProcessSettings) -> RentalLedger:
    """The rental ledger; nothing is read or written yet.

    Raises:
        StartError: The package redis is needed and is not installed.
    """
    try:
        return open_ledger(process.rental_ledger)
    except RentalLedgerError as error:
        raise StartError(f"The rental ledger cannot be used: {error}") from None


def check_rental_ledger(process: ProcessSettings) -> None:
    """Check that the rental ledger can be read and written.

    Raises:
        StartError: It cannot be used.
    """
    ledger = open_rental_ledger(process)
    location, variable = ledger.backend.location, process.ledger_variable
    path = parse_ledger_url(process.rental_ledger).path
    try:
        ledger.backend.check_writable()
        ledger.backend.open_rentals()
    except RentalLedgerError as error:
        reason = str(error) if path is not None else str(error).replace(location, f"of {variable}")
        see = f"; see {variable}" if path is not None and variable else ""
        raise StartError(reason[0].upper() + reason[1:] + see) from None


def ensure_private_directory(folder: Path) -> Path:
    """Create the state folder with mode 0700 if it does not exist. An existing one is not changed.

    Raises:
        StartError: Others can write into it, and so replace the state.
        OSError: It cannot be created or read.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
        if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise StartError(
                f"Others can write into the state folder {folder}: "
                "chmod go-w it, or set PLAYGROUND_STATE_DIR to another one"
            ) from None
    return folder
