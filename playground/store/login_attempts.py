"""Tries to log in: a short line per address, and slow answers to wrong passwords when there are many.

Nothing here locks anybody out. An address with several wrong passwords waits in its own line; other addresses
do not notice. An attacker with many addresses makes wrong answers slow for all, and right ones stay fast.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from .backend import Database
from .client_address import client_network

__all__ = ["ADDRESS", "EVERYBODY", "LoginAttempts", "RateLimit"]


@dataclass(frozen=True)
class RateLimit:
    """How fast tries may follow each other.

    Attributes:
        free: Tries within `window` that do not wait.
        spacing: Seconds between two of the others.
        longest: Seconds that one waits at most.
        window: Seconds after which the count starts at zero again.
        most: Addresses that are remembered; the oldest make room.
    """

    free: int
    spacing: float
    longest: float
    window: float = 600.0
    most: int = 10_000


#: The tries of one address: two a second, eight in line.
ADDRESS: Final = RateLimit(free=5, spacing=0.5, longest=4.0)

#: The wrong answers of all addresses: ten a second, held back for two seconds at most.
EVERYBODY: Final = RateLimit(free=50, spacing=0.1, longest=2.0)

#: The name under which those of all are counted; it is the name of no address.
_ALL: Final = "*"


class LoginAttempts:
    """The tries of one address.

    Args:
        database: Where they are kept, for all workers.
        address: Where the request came from.
    """

    def __init__(self, database: Database, address: str) -> None:
        self._table, self._address = database.login_attempts, client_network(address)

    def claim(self, patience: float = ADDRESS.longest) -> tuple[bool, float]:
        """Take a place in this address's line. A try counts until it turns out to be right.

        Args:
            patience: Seconds that the caller can wait.

        Returns:
            True and the seconds after which the password may be compared; or False, and the seconds after
            which there is room in the line.
        """
        longest = min(patience, ADDRESS.longest)
        wait = self._table.take(self._address, time.time(), ADDRESS, longest)
        return (True, wait) if wait <= longest else (False, wait - longest)

    def failed(self) -> float:
        """The password was wrong: seconds for which the answer is held back."""
        wait = self._table.take(_ALL, time.time(), EVERYBODY, EVERYBODY.longest)
        return min(wait, EVERYBODY.longest)

    def succeeded(self) -> None:
        """The password was right: forget this address's tries."""
        self._table.clear(self._address)
