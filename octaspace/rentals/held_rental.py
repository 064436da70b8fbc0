"""A rental as its owner holds it: recorded, renewed, closed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from ..errors import LeaseLostError, RentalLedgerError
from ..fork import register_after_fork
from .ledger import RentalLedger
from .rental import Outcome, Rental

__all__ = ["HeldRental", "LeaseLostHook"]

_ENDED_BY_REAPERS: Final = ("lease over", "deadline passed", "still running")

LeaseLostHook = Callable[[LeaseLostError], object]


class HeldRental:
    """The owner's side of an entry.

    A ledger that fails after the entry was written ends nothing: what could not be written is written with a
    later renewal.

    Args:
        ledger: The ledger.
        rental: The entry, from `RentalLedger.draft`; it is not written yet.
        on_lost: Called once, in the thread of the heartbeat, when a reaper has ended the rental.
        log: Where failures of the ledger are logged.

    Attributes:
        lost: Set when a reaper has ended the rental.
    """

    def __init__(
        self,
        ledger: RentalLedger,
        rental: Rental,
        *,
        on_lost: LeaseLostHook | None = None,
        log: logging.Logger,
    ) -> None:
        self.lost: LeaseLostError | None = None
        self._ledger = ledger
        self._rental = rental
        self._on_lost = on_lost
        self._log = log
        self._uuid: str | None = None
        #: What is left to write: the entry is closed or released, and no longer renewed.
        self._ending: Callable[[], Rental | None] | None = None
        self._ended: Rental | None = None
        self._failing = False
        self.after_fork_in_child()
        register_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Replace the lock: the parent's heartbeat may hold it."""
        # Reentrant: a signal handler may end the block while this thread writes.
        self._lock = threading.RLock()

    @property
    def id(self) -> str:
        """The id of the entry."""
        return self._rental.id

    @property
    def rental(self) -> Rental:
        """The entry as it was last read or written."""
        return self._rental

    @property
    def ledger(self) -> RentalLedger:
        """The ledger that it is in."""
        return self._ledger

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a fork of the one that rented."""
        return self._rental.owner.pid != os.getpid()

    def begin(self) -> None:
        """Write the entry, and renew its lease from now on. When it returns, the entry is durable.

        Raises:
            RentalLedgerError: It cannot be written, or nothing can renew the lease: nothing may be rented.
        """
        self._ledger.backend.add(self._rental)
        if self._rental.lease is not None:
            try:
                self._ledger.heartbeat.add(self)
            except RentalLedgerError:
                self._ledger.close(self.id, "not made")
                raise

    def attach(self, uuid: str) -> None:
        """Record the session.

        Raises:
            RentalLedgerError: The ledger cannot be written; `uuid` names the session. A rental with a lease
                is recorded by a later renewal.
        """
        self._uuid = uuid
        try:
            self._renew()
        except RentalLedgerError as error:
            raise RentalLedgerError(
                f"session {uuid} runs, and the rental ledger could not record it: {error}", uuid=uuid
            ) from error

    def close(self, outcome: Outcome) -> None:
        """Close the entry, and renew it no longer.

        Raises:
            RentalLedgerError: The ledger cannot be written; `uuid` names the session. It is written again
                with later renewals of this process, or by a reaper that finds the session gone.
        """
        uuid = self._uuid
        self._end(lambda: self._ledger.close(self.id, outcome, uuid=uuid))
        ended = self._ended
        if ended is not None and ended.outcome in _ENDED_BY_REAPERS:
            self._lose(ended, ended.outcome)

    def release(self) -> None:
        """Give the rental up: its lease is over at once, and a reaper ends it. Never raises an `Error`."""
        try:
            self._end(self._release)
        except RentalLedgerError as error:
            self._log.warning("Rental %s could not be given up: %s", self.id, error)

    def beat(self) -> bool:
        """Renew the lease, or write what is left to write; see `HeldLease.beat`."""
        try:
            with self._lock:
                if self._ending is not None:
                    self._ending()
                    return False
            self._renew()  # calls the hook without the lock
        except RentalLedgerError as error:
            if not self._failing:
                self._failing = True
                self._log.warning(
                    "The lease of rental %s (session %s) could not be renewed, and is tried again: %s",
                    self.id, self._uuid, error,
                )  # fmt: skip
            return True
        self._failing = False
        return self.lost is None

    def let_go(self) -> bool:
        """Give the rental up at the end of the process; see `HeldLease.let_go`."""
        try:
            with self._lock:
                (self._ending or self._release)()
        except RentalLedgerError as error:
            self._log.warning("Rental %s (session %s) is left to the reaper: %s", self.id, self._uuid, error)
            return False
        return True

    def _end(self, write: Callable[[], Rental | None]) -> None:
        with self._lock:
            if self._ending is None:
                self._ending = write
            try:
                self._ended = write()
            except RentalLedgerError as error:
                raise RentalLedgerError(
                    f"the entry {self.id} of the rental ledger (session {self._uuid}) could not be written: "
                    f"{error}",
                    uuid=self._uuid,
                ) from error
        self._ledger.heartbeat.remove(self)

    def _release(self) -> Rental | None:
        uuid = self._uuid

        def edit(rental: Rental) -> Rental:
            if rental.closed is not None:
                return rental
            return rental.changed(released=True, uuid=uuid or rental.uuid)

        return self._change(edit)

    def _change(self, edit: Callable[[Rental], Rental]) -> Rental:
        """Change the entry; write it again if the ledger was emptied or removed: the rental exists."""
        # Without a read where possible: thousands of rentals must be renewed within their leases.
        stored = self._ledger.change(self.id, edit, known=self._rental)
        if stored is None:
            stored = edit(self._rental)
            self._ledger.backend.add(stored)
        return stored

    def _renew(self) -> None:
        """Renew the lease and record the session; notice that a reaper has ended the rental."""
        now, uuid = self._ledger.now(), self._uuid
        ended: list[Rental] = []

        def edit(rental: Rental) -> Rental:
            ended.clear()
            if rental.closed is not None and rental.outcome != "not made":
                ended.append(rental)
                return rental
            if rental.claim is not None and not rental.claim.is_over(now):
                ended.append(rental)
                return rental if rental.uuid or not uuid else rental.changed(uuid=uuid)
            # An entry that was closed as not made while this process was suspended is open again.
            return rental.changed(
                renewed=now,
                thread=self._ledger.heartbeat.thread_id if rental.lease is not None else None,
                uuid=uuid or rental.uuid,
                closed=None,
                outcome=None,
                claim=None,
            )

        with self._lock:
            if self._ending is not None:
                return
            self._rental = self._change(edit)
        if ended:
            reason = ended[0].outcome or (
                "deadline passed" if ended[0].deadline_passed(now) else "lease over"
            )
            self._lose(ended[0], reason)

    def _lose(self, rental: Rental, reason: str) -> None:
        uuid = rental.uuid or self._uuid
        with self._lock:  # the heartbeat and the owner may notice it at once
            if self.lost is not None:
                return
            self.lost = LeaseLostError(
                f"rental {self.id} (session {uuid}) was ended by a reaper: {reason}",
                uuid=uuid,
                rental_id=self.id,
            )
        self._log.warning("%s", self.lost)
        if self._on_lost is not None:
            try:
                self._on_lost(self.lost)
            except Exception:
                self._log.exception("on_lease_lost of rental %s failed", self.id)
