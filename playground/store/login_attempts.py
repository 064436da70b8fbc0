"""Login attempts: a short queue per address, and delayed answers to wrong passwords when there are many.

No client is locked out. An address with several wrong passwords waits in its own queue; other
addresses are not affected. An attacker with many addresses delays wrong answers for all; right passwords are
answered at once.
"""

from __future__ import annotations

from typing import Final

from .backend import Database, RateLimit
from .client_address import client_network

__all__ = ["ALL_ADDRESSES", "PER_ADDRESS", "LoginAttempts"]

#: Attempts of one address: two a second, eight in the queue.
PER_ADDRESS: Final = RateLimit(burst=5, interval=0.5, max_wait=4.0)

#: Wrong answers to all addresses: ten a second, delayed for two seconds at most.
ALL_ADDRESSES: Final = RateLimit(burst=50, interval=0.1, max_wait=2.0)

#: The name under which those of all are counted; no address has this name.
_ALL: Final = "*"


class LoginAttempts:
    """The attempts of one address.

    Args:
        database: Where they are kept, for all workers.
        address: Where the request came from.
        limit: How fast attempts of one address may follow each other.
    """

    def __init__(self, database: Database, address: str, limit: RateLimit = PER_ADDRESS) -> None:
        self._table, self._clock = database.login_attempts, database.clock
        self._address, self._limit = client_network(address), limit

    def claim(self, max_wait: float | None = None) -> tuple[bool, float]:
        """Reserve a place in this address's queue. An attempt counts until `succeeded` is called.

        Args:
            max_wait: Seconds that the caller can wait; by default as long as the limit says.

        Returns:
            True and the seconds after which the password may be compared; or False, and the seconds after
            which there is a place in the queue.
        """
        longest = self._limit.max_wait if max_wait is None else min(max_wait, self._limit.max_wait)
        wait = self._table.reserve(self._address, self._clock(), self._limit, longest)
        return (True, wait) if wait <= longest else (False, wait - longest)

    def failed(self) -> float:
        """Count a wrong password.

        Returns:
            Seconds for which the answer is delayed.
        """
        longest = ALL_ADDRESSES.max_wait
        return min(self._table.reserve(_ALL, self._clock(), ALL_ADDRESSES, longest), longest)

    def succeeded(self) -> None:
        """Forget this address's attempts: the password was right."""
        self._table.clear(self._address)
