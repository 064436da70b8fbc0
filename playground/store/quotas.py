"""How much the store keeps: one number of bytes for all of it, divided among the kinds of records.

Records that are only displayed are evicted when their quota is full, the oldest first. Records that others
rely on for their safety (settings with keys and logins, claims of one-time tokens) are never evicted: when
their quota is full, new ones are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "DEFAULT_BYTES", "ITEM_OVERHEAD_BYTES", "MAX_BYTES", "MIN_BYTES", "ROW_OVERHEAD_BYTES", "Quota",
    "StoreQuotas",
]  # fmt: skip

DEFAULT_BYTES: Final = 256 * 1024 * 1024

#: With less, a single record would not fit into the quota of one browser.
MIN_BYTES: Final = 32 * 1024 * 1024
MAX_BYTES: Final = 64 * 1024**3

#: Bytes that a record takes in addition to its texts: its row, its keys, its index entries.
ROW_OVERHEAD_BYTES: Final = 300

#: The same for one item of a job.
ITEM_OVERHEAD_BYTES: Final = 100

_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Quota:
    """Maximum bytes of one kind of record.

    Attributes:
        per_browser: Of one browser.
        total: Of all browsers.
    """

    per_browser: int
    total: int


@dataclass(frozen=True)
class StoreQuotas:
    """The quota of each kind; a record is counted with a few hundred bytes for its row.

    Attributes:
        log: Calls of the request log.
        jobs: Background jobs and the items they collected; running jobs are not evicted.
        results: Results of forms that were sent.
        drafts: Orders not yet sent, the remembered balance, and the nodes and sessions that search finds.
        snapshots: Connection figures of workers; counted per settings instead of per browser.
        endpoints: History of endpoints.
        settings: Choices of browsers: API target, keys, options, and the login. Refused when full.
        claims: One-time tokens that were used. Refused when full.
    """

    log: Quota
    jobs: Quota
    results: Quota
    drafts: Quota
    snapshots: Quota
    endpoints: Quota
    settings: Quota
    claims: Quota

    @classmethod
    def of(cls, total_bytes: int) -> StoreQuotas:
        """Divide a number of bytes among the kinds."""

        def quota(divisor: int, browser_divisor: int, max_per_browser: int) -> Quota:
            total = total_bytes // divisor
            return Quota(min(max_per_browser, total // browser_divisor), total)

        return cls(
            log=quota(2, 8, 16 * _MIB),
            jobs=quota(4, 4, 16 * _MIB),
            results=quota(32, 8, _MIB),
            drafts=quota(16, 4, 2 * _MIB),
            snapshots=quota(64, 4, _MIB),
            endpoints=quota(64, 8, _MIB // 2),
            settings=quota(16, 8, _MIB // 4),
            claims=quota(32, 8, _MIB),
        )

    @property
    def job(self) -> int:
        """Maximum bytes of one job: all jobs that may run at the same time fit."""
        return self.jobs.total // 24
