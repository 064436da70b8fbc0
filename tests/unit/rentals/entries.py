"""Entries, clocks and ledgers of tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octaspace.rentals import LedgerTime, Rental, RentalOwner

__all__ = ["ACCOUNT", "SettableClock", "new_rental", "someone"]

ACCOUNT = "a" * 32


class SettableClock:
    """A ledger's clock that tests set.

    Args:
        epoch: Boot id.
    """

    def __init__(self, epoch: str = "boot-1") -> None:
        self.time = LedgerTime(epoch, 1000.0, 1_700_000_000.0)

    def __call__(self) -> LedgerTime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time = self.time.after(seconds)

    def set_wall(self, seconds: float) -> None:
        """Set the calendar clock that many seconds ahead; negative for back."""
        self.time = replace(self.time, wall=self.time.wall + seconds)

    def reboot(self, epoch: str, *, after: float = 60.0) -> None:
        """Start another boot: its clock begins at zero, and the calendar clock goes on."""
        self.time = LedgerTime(epoch, 0.0, self.time.wall + after)


def someone(**values: Any) -> RentalOwner:
    """An owner on a machine that does not exist."""
    known: dict[str, Any] = {"host": "elsewhere", "boot_id": "boot-of-elsewhere", "pid": 7, "start_time": "5"}
    return RentalOwner(**{**known, **values})


def new_rental(id: str = "e1", *, at: float = 1000.0, **values: Any) -> Rental:
    """An open entry.

    Args:
        id: Its id.
        at: When it was written, in seconds on the clock of `SettableClock`.
        values: Other values of it.
    """
    time = LedgerTime("boot-1", at, 1_700_000_000.0 + at - 1000.0)
    known: dict[str, Any] = {
        "account": ACCOUNT, "service": "mr", "node_id": 9101, "owner": someone(),
        "created": time, "renewed": time, "lease": 90.0,
    }  # fmt: skip
    return Rental(id, **{**known, **values})
