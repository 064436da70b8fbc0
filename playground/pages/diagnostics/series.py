"""Numbers over time for a sparkline: its shape, and the figures next to it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Series"]

_WIDTH: Final = 240.0
_HEIGHT: Final = 48.0
_MARGIN: Final = 3.0


@dataclass(frozen=True)
class Series:
    """Values from the oldest to the latest.

    Attributes:
        values: The values.
    """

    values: Sequence[float]

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def minimum(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The value that 95 of 100 do not exceed (nearest rank)."""
        return sorted(self.values)[max(0, -(-95 * len(self.values) // 100) - 1)]

    @property
    def last(self) -> float:
        return self.values[-1]

    @property
    def points(self) -> str:
        """The line in a box of 240 × 48 with zero at its bottom, for `<polyline points>`."""
        most = max(self.values) or 1.0
        step = _WIDTH / (len(self.values) - 1)
        room = _HEIGHT - 2 * _MARGIN
        return " ".join(
            f"{index * step:.1f},{_HEIGHT - _MARGIN - room * value / most:.1f}"
            for index, value in enumerate(self.values)
        )

    @property
    def area(self) -> str:
        """The same, closed along the bottom, for `<polygon points>`."""
        return f"0,{_HEIGHT:g} {self.points} {_WIDTH:g},{_HEIGHT:g}"
