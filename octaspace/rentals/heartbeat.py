"""The thread that renews the leases of this process: one per ledger."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from contextlib import suppress
from typing import Protocol

from ..errors import RentalLedgerError
from ..fork import notice_fork, register_after_fork

__all__ = ["Heartbeat", "HeldLease"]

_LOGGER = logging.getLogger("octaspace")


class HeldLease(Protocol):
    """A lease that the heartbeat renews."""

    def beat(self) -> bool:
        """Renew it; returns whether it is to be renewed again. Never raises."""
        ...

    def let_go(self) -> bool:
        """Give it up, at the end of the process; returns whether it could be written. Never raises."""
        ...


class Heartbeat:
    """Renews leases from a daemon thread, which runs while there are any.

    A forked child begins without leases: they belong to its parent.

    Args:
        period: Seconds between two renewals.
    """

    def __init__(self, period: float) -> None:
        self.period = period
        self.after_fork_in_child()
        register_after_fork(self)
        _all.add(self)

    def after_fork_in_child(self) -> None:
        """Forget the parent's leases and its thread."""
        self._condition = threading.Condition()
        self._leases: list[HeldLease] = []
        self._thread: threading.Thread | None = None

    def add(self, lease: HeldLease) -> None:
        """Renew a lease from now on.

        Raises:
            RentalLedgerError: The system allows no more threads.
        """
        notice_fork()
        with self._condition:
            if not self.is_running:
                thread = threading.Thread(target=self._run, name="octaspace-heartbeat", daemon=True)
                try:
                    thread.start()  # it waits for the condition
                except RuntimeError as error:
                    raise RentalLedgerError(f"the thread that renews leases cannot start: {error}") from error
                self._thread = thread
            self._leases.append(lease)

    def remove(self, lease: HeldLease) -> None:
        """Renew a lease no longer."""
        with self._condition:
            if lease in self._leases:
                self._leases.remove(lease)
            self._condition.notify_all()

    def beat(self) -> None:
        """Renew every lease once; one that fails does not keep the others from it."""
        for lease in list(self._leases):
            try:
                goes_on = lease.beat()
            except BaseException:  # also what a hook raises to end its thread: the other leases need this one
                goes_on = True
                with suppress(BaseException):  # a filter or a handler of the program
                    _LOGGER.exception(
                        "Renewing the lease of a rental failed; the next attempt is in %g s", self.period
                    )
            if not goes_on:
                self.remove(lease)

    def let_go(self) -> None:
        """Give up every lease, and end the thread.

        Ends at the first that cannot be written: a storage that does not answer would delay the end of the
        process once for each. The leases of the others run out.
        """
        with self._condition:
            leases, self._leases = self._leases, []
            self._condition.notify_all()
        for lease in leases:
            if not lease.let_go():
                break

    @property
    def is_running(self) -> bool:
        """Whether the thread runs."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    @property
    def thread_id(self) -> int | None:
        """The system's id of the thread; None while it does not run."""
        thread = self._thread
        return thread.native_id if thread is not None and thread.is_alive() else None

    def _run(self) -> None:
        pause = self.period
        while True:
            with self._condition:
                # A lease that ends wakes the thread, and the others wait for their time.
                if self._condition.wait_for(lambda: not self._leases, pause):
                    self._thread = None
                    return
            began = time.monotonic()
            self.beat()
            pause = max(0.0, self.period - (time.monotonic() - began))


_all: weakref.WeakSet[Heartbeat] = weakref.WeakSet()


def _let_go_at_exit() -> None:
    for heartbeat in list(_all):
        heartbeat.let_go()


atexit.register(_let_go_at_exit)
