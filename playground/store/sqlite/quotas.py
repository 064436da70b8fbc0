"""How many bytes of each kind there are, by browser and in all, and what makes room for more.

Triggers count, whatever adds or removes a row. The sum of all browsers stands under the empty name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from ..backend import check_room
from ..quotas import ROW_OVERHEAD_BYTES, Quota, StoreQuotas

__all__ = ["COUNTED", "USAGE", "claim_room", "make_room", "used"]

USAGE: Final = """CREATE TABLE usage (
    kind TEXT NOT NULL, browser TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (kind, browser)
) WITHOUT ROWID"""


def _length(column: str) -> str:
    return f"length(CAST({column} AS BLOB))"


def _counted(name: str, table: str, kind: str, owner: str, size: str) -> tuple[str, ...]:
    """Triggers that count the rows of a table; in `kind`, `owner` and `size` a row is called ROW."""

    def add(row: str, sign: str) -> str:
        of_kind, of_owner, bytes = (text.replace("ROW", row) for text in (kind, owner, size))
        # No conflict clauses: they would be overruled by those of the statement that sets the trigger off.
        begin = "".join(
            f"INSERT INTO usage SELECT {of_kind}, {whose}, 0 WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT 1 FROM usage WHERE kind = {of_kind} AND browser = {whose}); "
            for whose in (of_owner, "''")
        )
        return (
            f"{begin} UPDATE usage SET bytes = bytes {sign} ({bytes}) "  # noqa: S608
            f"WHERE kind = {of_kind} AND browser IN ({of_owner}, ''); "
            f"DELETE FROM usage WHERE kind = {of_kind} AND browser = {of_owner} AND bytes <= 0; "
        )

    added, removed = add("NEW", "+"), add("OLD", "-")
    return (
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {table} BEGIN {added} END",
        f"CREATE TRIGGER {name}_removed AFTER DELETE ON {table} BEGIN {removed} END",
        f"CREATE TRIGGER {name}_changed AFTER UPDATE ON {table} BEGIN {removed} {added} END",
    )


_CONCERN: Final = f"{_length('ROW.concern')} + {_length('ROW.text')} + {ROW_OVERHEAD_BYTES}"
_JOB: Final = f"{_length('ROW.about')} + {_length('ROW.state')} + {ROW_OVERHEAD_BYTES}"

COUNTED: Final = (
    *_counted("calls", "calls", "'log'", "ROW.browser", "ROW.size"),
    *_counted("concerns", "concerns", "ROW.kind", "ROW.browser", _CONCERN),
    *_counted("claims", "tokens", "'claims'", "ROW.browser", str(ROW_OVERHEAD_BYTES)),
    *_counted("results", "tokens", "'results'", "ROW.browser", f"coalesce({_length('ROW.result')}, 0)"),
    *_counted(
        "snapshots", "workers", "'snapshots'", "ROW.settings", f"{_length('ROW.text')} + {ROW_OVERHEAD_BYTES}"
    ),
    *_counted("jobs", "jobs", "'jobs'", "ROW.browser", _JOB),
    *_counted("items", "job_items", "'jobs'", "ROW.browser", f"{_length('ROW.item')} + 100"),
)

#: What may be removed, the oldest first: of one browser, and of all.
_OLDEST: Final = {
    "log": (
        "SELECT id FROM calls WHERE browser = :owner ORDER BY id",
        "SELECT id FROM calls ORDER BY id",
    ),
    "drafts": (
        "SELECT rowid FROM concerns WHERE browser = :owner AND kind = 'drafts' ORDER BY at",
        "SELECT rowid FROM concerns WHERE kind = 'drafts' ORDER BY at",
    ),
    "results": (
        "SELECT rowid FROM tokens WHERE browser = :owner AND result <> :gone ORDER BY at",
        "SELECT rowid FROM tokens WHERE result <> :gone ORDER BY at",
    ),
    "snapshots": (
        "SELECT rowid FROM workers WHERE settings = :owner ORDER BY until",
        "SELECT rowid FROM workers ORDER BY until",
    ),
    # Those under way stay; one that says nothing any more is not under way.
    "jobs": (
        "SELECT id FROM jobs WHERE browser = :owner AND (ended IS NOT NULL OR beat < :silent) ORDER BY at",
        "SELECT id FROM jobs WHERE ended IS NOT NULL OR beat < :silent ORDER BY at",
    ),
}

_REMOVE: Final = {
    "log": ("DELETE FROM calls WHERE id = :key",),
    "drafts": ("DELETE FROM concerns WHERE rowid = :key",),
    "results": ("UPDATE tokens SET result = :gone WHERE rowid = :key",),
    "snapshots": ("DELETE FROM workers WHERE rowid = :key",),
    "jobs": ("DELETE FROM job_items WHERE job = :key", "DELETE FROM jobs WHERE id = :key"),
}

#: Keys that are looked up at once.
_MANY: Final = 100


def used(connection: sqlite3.Connection, kind: str, owner: str) -> int:
    """Bytes of a kind: of one browser, or of all under the empty name."""
    row = connection.execute(
        "SELECT bytes FROM usage WHERE kind = ? AND browser = ?", (kind, owner)
    ).fetchone()
    return 0 if row is None else int(row[0])


def make_room(
    connection: sqlite3.Connection,
    kind: str,
    owner: str,
    share: Quota,
    *,
    gone: str = "",
    silent: float = 0.0,
) -> None:
    """Remove the oldest of a kind until it is within its share again.

    Args:
        connection: One that writes.
        kind: The kind.
        owner: The browser that has added something.
        share: What there may be.
        gone: For results: what takes their place.
        silent: For jobs: the time since which one must have said something to be under way.
    """
    values = {"owner": owner, "gone": gone, "silent": silent}
    own, every = _OLDEST[kind]
    for whose, most, oldest in ((owner, share.per_browser, own), ("", share.total, every)):
        if used(connection, kind, whose) <= most:
            continue
        for key in _keys(connection, oldest, values):
            for statement in _REMOVE[kind]:
                connection.execute(statement, {**values, "key": key})
            if used(connection, kind, whose) <= most:
                break


def claim_room(connection: sqlite3.Connection, kind: str, owner: str, quotas: StoreQuotas, more: int) -> None:
    """Refuse what is to be added when it has no room; see `check_room`."""
    check_room(quotas, kind, more, used(connection, kind, owner), used(connection, kind, ""))


def _keys(connection: sqlite3.Connection, oldest: str, values: dict[str, object]) -> Iterator[object]:
    # By portions: what is removed meanwhile must not disturb the looking up. A portion is used up when the
    # next one is looked up, so that none comes twice.
    while rows := connection.execute(f"{oldest} LIMIT {_MANY}", values).fetchall():
        for row in rows:
            yield row[0]
