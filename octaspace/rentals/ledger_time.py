"""Times on the clock of a ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone

__all__ = ["LedgerTime"]


@dataclass(frozen=True, slots=True)
class LedgerTime:
    """A point in time on a ledger's clock, which is not that of the host's calendar.

    Attributes:
        epoch: Names the start of the clock: a boot id, or the server's name for its clock. Times of different
            epochs are compared by `wall`.
        seconds: Seconds since the start of the epoch.
        wall: Seconds since 1970, as the host or the server believed.
    """

    epoch: str
    seconds: float
    wall: float

    def since(self, earlier: LedgerTime) -> float:
        """Seconds between an earlier time and this one; negative if that one is later."""
        if self.epoch == earlier.epoch:
            return self.seconds - earlier.seconds
        return self.wall - earlier.wall

    def after(self, seconds: float) -> LedgerTime:
        """The time that many seconds later."""
        return replace(self, seconds=self.seconds + seconds, wall=self.wall + seconds)

    def datetime(self) -> datetime:
        """The calendar's time, in UTC."""
        return datetime.fromtimestamp(self.wall, timezone.utc)
