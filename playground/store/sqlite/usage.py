"""Used bytes of each kind, per browser and in total, and the eviction of the oldest records.

Triggers count every insert, update and delete. The total of all browsers has the empty name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, Literal

from ..backend import require_space
from ..quotas import ITEM_OVERHEAD_BYTES, ROW_OVERHEAD_BYTES, Quota, StoreQuotas

__all__ = ["USAGE_TABLE", "USAGE_TRIGGERS", "evict", "require_space_in", "used_bytes"]

USAGE_TABLE: Final = """CREATE TABLE usage (
    kind TEXT NOT NULL, browser TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (kind, browser)
) WITHOUT ROWID"""


def _length(column: str) -> str:
    return f"length(CAST({column} AS BLOB))"


def _triggers(name: str, table: str, kind: str, owner: str, size: str) -> tuple[str, ...]:
    """Triggers that count the rows of a table; in `kind`, `owner` and `size` a row is called ROW."""

    def count(row: str, sign: str) -> str:
        row_kind, row_owner, bytes = (text.replace("ROW", row) for text in (kind, owner, size))
        # No conflict clauses: those of the statement that fires the trigger would override them.
        insert = "".join(
            f"INSERT INTO usage SELECT {row_kind}, {each}, 0 WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT 1 FROM usage WHERE kind = {row_kind} AND browser = {each}); "
            for each in (row_owner, "''")
        )
        return (
            f"{insert} UPDATE usage SET bytes = bytes {sign} ({bytes}) "  # noqa: S608
            f"WHERE kind = {row_kind} AND browser IN ({row_owner}, ''); "
            f"DELETE FROM usage WHERE kind = {row_kind} AND browser = {row_owner} AND bytes <= 0; "
        )

    added, removed = count("NEW", "+"), count("OLD", "-")
    return (
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {table} BEGIN {added} END",
        f"CREATE TRIGGER {name}_removed AFTER DELETE ON {table} BEGIN {removed} END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE ON {table} BEGIN {removed} {added} END",
    )


_STATE: Final = f"{_length('ROW.key')} + {_length('ROW.text')} + {ROW_OVERHEAD_BYTES}"
_SNAPSHOT: Final = f"{_length('ROW.text')} + {ROW_OVERHEAD_BYTES}"
_HISTORY: Final = f"{_length('ROW.endpoint')} + {_length('ROW.text')} + {ROW_OVERHEAD_BYTES}"
_JOB: Final = f"{_length('ROW.about')} + {_length('ROW.state')} + {ROW_OVERHEAD_BYTES}"
_ITEM: Final = f"{_length('ROW.item')} + {ITEM_OVERHEAD_BYTES}"

USAGE_TRIGGERS: Final = (
    *_triggers("calls", "calls", "'log'", "ROW.browser", "ROW.size"),
    *_triggers("browser_state", "browser_state", "ROW.kind", "ROW.browser", _STATE),
    *_triggers("claims", "tokens", "'claims'", "ROW.browser", str(ROW_OVERHEAD_BYTES)),
    *_triggers("results", "tokens", "'results'", "ROW.browser", f"coalesce({_length('ROW.result')}, 0)"),
    *_triggers("snapshots", "workers", "'snapshots'", "ROW.settings", _SNAPSHOT),
    *_triggers("endpoints", "endpoints", "'endpoints'", "ROW.browser", _HISTORY),
    *_triggers("jobs", "jobs", "'jobs'", "ROW.browser", _JOB),
    *_triggers("items", "job_items", "'jobs'", "ROW.browser", _ITEM),
)

#: Records that may be evicted, the oldest first: of one browser, and of all.
_OLDEST: Final = {
    "log": (
        "SELECT id FROM calls WHERE browser = :owner ORDER BY id",
        "SELECT id FROM calls ORDER BY id",
    ),
    "drafts": (
        "SELECT rowid FROM browser_state WHERE browser = :owner AND kind = 'drafts' ORDER BY at",
        "SELECT rowid FROM browser_state WHERE kind = 'drafts' ORDER BY at",
    ),
    "results": (
        "SELECT rowid FROM tokens WHERE browser = :owner AND result <> :placeholder ORDER BY at",
        "SELECT rowid FROM tokens WHERE result <> :placeholder ORDER BY at",
    ),
    "snapshots": (
        "SELECT rowid FROM workers WHERE settings = :owner ORDER BY until",
        "SELECT rowid FROM workers ORDER BY until",
    ),
    "endpoints": (
        "SELECT rowid FROM endpoints WHERE browser = :owner ORDER BY at",
        "SELECT rowid FROM endpoints ORDER BY at",
    ),
    # Running jobs stay; a job without a recent heartbeat does not run.
    "jobs": (
        "SELECT id FROM jobs WHERE browser = :owner AND (ended IS NOT NULL OR heartbeat < :alive_since) "
        "ORDER BY at",
        "SELECT id FROM jobs WHERE ended IS NOT NULL OR heartbeat < :alive_since ORDER BY at",
    ),
}

_REMOVE: Final = {
    "log": ("DELETE FROM calls WHERE id = :key",),
    "drafts": ("DELETE FROM browser_state WHERE rowid = :key",),
    "results": ("UPDATE tokens SET result = :placeholder WHERE rowid = :key",),
    "snapshots": ("DELETE FROM workers WHERE rowid = :key",),
    "endpoints": ("DELETE FROM endpoints WHERE rowid = :key",),
    "jobs": ("DELETE FROM job_items WHERE job = :key", "DELETE FROM jobs WHERE id = :key"),
}

#: Keys that are selected at once.
_BATCH: Final = 100


def used_bytes(connection: sqlite3.Connection, kind: str, owner: str) -> int:
    """Bytes of a kind: of one browser, or of all under the empty name."""
    row = connection.execute(
        "SELECT bytes FROM usage WHERE kind = ? AND browser = ?", (kind, owner)
    ).fetchone()
    return 0 if row is None else int(row[0])


def evict(
    connection: sqlite3.Connection,
    kind: str,
    owner: str,
    quota: Quota,
    *,
    placeholder: str = "",
    alive_since: float = 0.0,
) -> None:
    """Remove the oldest records of a kind until it is within its quota.

    Args:
        connection: One in a writing transaction.
        kind: The kind.
        owner: The browser that has added a record.
        quota: Its quota.
        placeholder: For results: the text that replaces them.
        alive_since: For jobs: a job whose last heartbeat is older does not run.
    """
    values = {"owner": owner, "placeholder": placeholder, "alive_since": alive_since}
    own, all_browsers = _OLDEST[kind]
    for counted, limit, oldest in ((owner, quota.per_browser, own), ("", quota.total, all_browsers)):
        if used_bytes(connection, kind, counted) <= limit:
            continue
        for key in _keys(connection, oldest, values):
            for statement in _REMOVE[kind]:
                connection.execute(statement, {**values, "key": key})
            if used_bytes(connection, kind, counted) <= limit:
                break


def require_space_in(
    connection: sqlite3.Connection,
    kind: Literal["settings", "claims"],
    owner: str,
    quotas: StoreQuotas,
    added: int,
) -> None:
    """Refuse a record that exceeds its quota; see `require_space`."""
    own, total = used_bytes(connection, kind, owner), used_bytes(connection, kind, "")
    require_space(quotas, kind, added, own, total)


def _keys(connection: sqlite3.Connection, oldest: str, values: dict[str, object]) -> Iterator[object]:
    # In batches, so that removals do not disturb a running SELECT. All keys of a batch are removed before the
    # next SELECT, so none is returned twice.
    while rows := connection.execute(f"{oldest} LIMIT {_BATCH}", values).fetchall():
        for row in rows:
            yield row[0]
