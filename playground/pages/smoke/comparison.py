"""A run of the smoke suite compared with an earlier one, call by call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...formatting import seconds

__all__ = ["Comparison", "compare", "signed_seconds"]

Item = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs, for the calls that passed or failed in both.

    Attributes:
        broken: Items that failed and had passed before.
        still: Items that failed in both.
        fixed: Items that passed and had failed before.
        count: Number of calls that were made in both.
        took: Seconds these calls took together.
        before: Seconds they took in the earlier run.
        differences: By the name of the step: seconds more than before; negative if it was faster.
    """

    broken: tuple[Item, ...]
    still: tuple[Item, ...]
    fixed: tuple[Item, ...]
    count: int
    took: float
    before: float
    differences: dict[str, float]

    @property
    def is_same(self) -> bool:
        """Whether the same calls failed."""
        return not self.broken and not self.fixed

    def mark(self, item: Item) -> str:
        """``new`` for a failure that had passed before, ``still`` for one that had not, else empty."""
        return "new" if item in self.broken else "still" if item in self.still else ""

    def as_json(self) -> dict[str, Any]:
        """The comparison for the report: names of the steps, and seconds."""
        return {
            "newly_failed": [item["step"] for item in self.broken],
            "still_failed": [item["step"] for item in self.still],
            "fixed": [item["step"] for item in self.fixed],
            "calls": self.count,
            "seconds": round(self.took, 3),
            "seconds_before": round(self.before, 3),
        }


def compare(items: Sequence[Item], earlier: Sequence[Item]) -> Comparison:
    """Compare the results of a run with those of an earlier one."""
    before = {item["step"]: item for item in earlier if item["state"] != "skipped"}
    both = [(item, before[item["step"]]) for item in items if item["step"] in before]
    both = [(now, then) for now, then in both if now["state"] != "skipped"]

    def having(now_state: str, then_state: str) -> tuple[Item, ...]:
        return tuple(now for now, then in both if (now["state"], then["state"]) == (now_state, then_state))

    return Comparison(
        broken=having("failed", "passed"),
        still=having("failed", "failed"),
        fixed=having("passed", "failed"),
        count=len(both),
        took=sum(now["took"] for now, _ in both),
        before=sum(then["took"] for _, then in both),
        differences={now["step"]: now["took"] - then["took"] for now, then in both},
    )


def signed_seconds(value: float) -> str:
    """A difference with its sign: ``+1.2 s``."""
    if abs(value) < 0.001:
        return seconds(abs(value))
    sign = "+" if value >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{seconds(abs(value))}"
