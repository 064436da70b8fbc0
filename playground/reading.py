"""Reading the API's JSON without trusting its shape: what is missing or odd is None, never an exception."""

from __future__ import annotations

from typing import Any

__all__ = ["dig", "number"]


def dig(data: Any, path: str) -> Any:
    """What stands at a dotted path of nested objects, or None."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def number(value: Any) -> float | int | None:
    """A number, also one sent as text; None for everything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found == found and abs(found) != float("inf") else None
