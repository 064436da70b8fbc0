"""Tries to log in: slowed down per address, and for all together, because an attacker may have many."""

from __future__ import annotations

import ipaddress
import time
from typing import Final

from .database import Database

__all__ = ["LoginTries"]

_WINDOW: Final = 600.0
_LONGEST_WAIT: Final = 60.0

#: After this many tries within the window each further one has to wait, ever longer: of one address, and
#: of all. The second is high, so that somebody who only fails does not keep the others out.
_FREE: Final = 5
_FREE_FOR_ALL: Final = 50


class LoginTries:
    """The tries of one address.

    Args:
        database: Where they are kept, for all workers.
        address: Where the request came from.
    """

    def __init__(self, database: Database, address: str) -> None:
        self._table, self._address = database.tries, _neighbourhood(address)

    def claim(self) -> float:
        """Begin a try. It counts until it turns out to be right, so that many at once do not pass as one.

        Returns:
            0.0 when it may be made, else the seconds to wait.
        """
        now = time.time()
        return self._table.claim(self._address, now, _WINDOW, lambda own, every: _wait(now, own, every))

    def succeeded(self) -> None:
        """The last try was right: forget this address's."""
        self._table.clear(self._address)


def _wait(now: float, own: list[float], every: list[float]) -> float:
    return max(0.0, _until(own, _FREE) - now, _until(every, _FREE_FOR_ALL) - now)


def _until(times: list[float], free: int) -> float:
    """When the next try may be made."""
    if len(times) < free:
        return 0.0
    return times[-1] + min(_LONGEST_WAIT, 2.0 ** min(10, len(times) - free))


def _neighbourhood(address: str) -> str:
    """An IPv6 user has a whole /64 to himself, and would otherwise have as many tries as addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
