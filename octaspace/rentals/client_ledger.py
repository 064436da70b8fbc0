"""The ledger that a function of this package uses for a client."""

from __future__ import annotations

from .._client import Client
from ..errors import ConfigurationError
from .ledger import RentalLedger

__all__ = ["ledger_for"]


def ledger_for(client: Client, ledger: RentalLedger | None) -> RentalLedger:
    """The given ledger, or that of the client's configuration.

    Args:
        client: The client.
        ledger: A ledger that takes precedence; None for none.

    Raises:
        octaspace.ConfigurationError: There is none.
    """
    ledger = ledger or client.rental_ledger
    if ledger is None:
        raise ConfigurationError(
            "there is no rental ledger: pass one, or configure rental_ledger", option="rental_ledger"
        )
    return ledger
