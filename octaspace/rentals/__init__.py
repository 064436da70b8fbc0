"""Rentals that do not outlive their owner: a ledger of what is rented, and a reaper for the forgotten::

    client = octaspace.Client(key, rental_ledger="sqlite:///rentals.db")
    with client.services.mr.rent(node_id=9101, …, max_duration=7200, name="nightly") as session:
        ...

    octaspace.rentals.reap(client)      # from cron, a timer, another machine

An entry is written before the request and closed after the stop. While the block runs, a lease is renewed.
The reaper stops sessions whose lease has run out or whose deadline has passed. See `docs/rentals.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .account import account_fingerprint
    from .backend import LedgerBackend
    from .ledger import RentalLedger, open_ledger
    from .ledger_time import LedgerTime
    from .owner import RentalOwner
    from .reaper import reap
    from .rental import Rental
    from .report import ReapedRental, ReapReport
    from .resolution import Resolution, resolve

__all__ = [
    "LedgerBackend",
    "LedgerTime",
    "ReapReport",
    "ReapedRental",
    "Rental",
    "RentalLedger",
    "RentalOwner",
    "Resolution",
    "account_fingerprint",
    "open_ledger",
    "reap",
    "resolve",
]

_MODULES: Final = {
    "LedgerBackend": "backend",
    "LedgerTime": "ledger_time",
    "ReapReport": "report",
    "ReapedRental": "report",
    "Rental": "rental",
    "RentalLedger": "ledger",
    "RentalOwner": "owner",
    "Resolution": "resolution",
    "account_fingerprint": "account",
    "open_ledger": "ledger",
    "reap": "reaper",
    "resolve": "resolution",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the reaper needs the client, which needs the ledger.
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
