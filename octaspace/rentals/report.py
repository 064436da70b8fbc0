"""What one round of the reaper did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .rental import Rental

__all__ = ["ReapReport", "ReapResult", "ReapedRental"]

#: ``"stopped"``; ``"gone"`` (the session had ended: closed); ``"not made"`` (there never was one: closed);
#: ``"found"`` (the session of an entry is known now); ``"failed"`` (a stop failed); ``"undecided"`` (several
#: sessions could be the entry's); ``"claimed"`` (another reaper is stopping it).
ReapResult = Literal["stopped", "gone", "not made", "found", "failed", "undecided", "claimed"]


@dataclass(frozen=True, slots=True)
class ReapedRental:
    """An entry that a round dealt with.

    Attributes:
        rental: The entry.
        result: What was done; in a dry run, what would be done.
        reason: Why it was to be ended: ``"lease over"``, ``"deadline passed"``, ``"still running"`` (the
            entry was closed before); empty where nothing was to be ended.
        detail: The failure, or what keeps it undecided; otherwise empty.
    """

    rental: Rental
    result: ReapResult
    reason: str = ""
    detail: str = ""


@dataclass(slots=True)
class ReapReport:
    """What one round did.

    Attributes:
        items: The entries that it dealt with.
        living: Number of open entries that were skipped, because their owner lives and their deadline has not
            passed.
        others: Number of open entries of other accounts: this key cannot stop them.
        dry_run: Whether nothing was changed.
        problem: Why the sessions could not be listed, or empty: entries without a session were then left.
    """

    items: list[ReapedRental] = field(default_factory=list)
    living: int = 0
    others: int = 0
    dry_run: bool = False
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is left that the round should have ended."""
        return not self.problem and not self.count("failed") and not self.count("undecided")

    def count(self, result: ReapResult) -> int:
        """Number of entries with a result."""
        return sum(item.result == result for item in self.items)
