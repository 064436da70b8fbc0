"""How much the store keeps: one number for all of it, and a share of that for each kind of record.

What is only looked at makes room, the oldest first. What others rely on for their safety (settings with keys
and logins, the claims of one-time tokens) is never removed to make room: when its share is full, more is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_BYTES", "MAX_BYTES", "MIN_BYTES", "ROW_OVERHEAD_BYTES", "Quota", "StoreQuotas"]

DEFAULT_BYTES: Final = 256 * 1024 * 1024

#: With less, a single record would not fit into the share of one browser.
MIN_BYTES: Final = 32 * 1024 * 1024
MAX_BYTES: Final = 64 * 1024**3

#: What a record takes besides its texts, in bytes: its row, its keys, its places in indexes.
ROW_OVERHEAD_BYTES: Final = 300

_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Quota:
    """Bytes of one kind of record.

    Attributes:
        per_browser: Of one browser.
        total: Of all browsers.
    """

    per_browser: int
    total: int


@dataclass(frozen=True)
class StoreQuotas:
    """The share of each kind; a record is counted with a few hundred bytes for its row.

    Attributes:
        log: RequestLog of the request log.
        jobs: Background jobs, with what they have collected; those under way stay.
        results: What came of forms that were sent.
        drafts: Orders not yet sent, and what is remembered of the balance.
        snapshots: What workers say of their connections; counted per settings instead of per browser.
        settings: What browsers chose: source, keys, options, and that they have logged in. Refused when full.
        claims: One-time tokens that were used. Refused when full.
    """

    log: Quota
    jobs: Quota
    results: Quota
    drafts: Quota
    snapshots: Quota
    settings: Quota
    claims: Quota

    @classmethod
    def of(cls, total: int) -> StoreQuotas:
        """The shares of so many bytes in all."""

        def share(part: int, of_it: int, most: int) -> Quota:
            every = total // part
            return Quota(min(most, every // of_it), every)

        return cls(
            log=share(2, 8, 16 * _MIB),
            jobs=share(4, 4, 16 * _MIB),
            results=share(32, 8, _MIB),
            drafts=share(16, 4, 2 * _MIB),
            snapshots=share(64, 4, _MIB),
            settings=share(16, 8, _MIB // 4),
            claims=share(32, 8, _MIB),
        )

    @property
    def job(self) -> int:
        """Bytes of one job: so many may be under way that all of them fit."""
        return self.jobs.total // 24
