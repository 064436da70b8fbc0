"""The tables that the benchmarks print, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Row", "compared_with", "table"]


@dataclass(frozen=True)
class Row:
    """One line of a result: name, value, unit, and ratio to another line."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    of: str = ""


def compared_with(reference: str, values: dict[str, float], unit: str) -> list[Row]:
    """Rows with the ratio of each value to that of the reference, which is one of them."""
    return [Row(name, value, unit, value / values[reference], reference) for name, value in values.items()]


def table(title: str, described: str, rows: Sequence[Row]) -> str:
    """A heading and a table."""
    lines = [f"\n### {title}: {described.strip().rstrip('.')}\n", "| | figure | ratio |", "|---|---:|---:|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} × {row.of}"
        lines.append(f"| {row.name} | {row.value:,.1f} {row.unit} | {ratio} |")
    return "\n".join(lines)
