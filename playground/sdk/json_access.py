"""Reading the API's JSON without trusting its shape: what is missing or odd is None.

Only `listed` raises, for a page has nothing to show where a list is something else.
"""

from __future__ import annotations

import re
from typing import Any

from octaspace import UnexpectedShapeError
from octaspace.safe_repr import excerpt

from ..formatting import visible

__all__ = ["as_id", "get_path", "listed", "number", "single_line"]


def get_path(data: Any, path: str) -> Any:
    """What stands at a dotted path of nested objects, or None."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def listed(data: Any, of: str) -> list[Any]:
    """The answer, when it is a list.

    Args:
        data: The answer.
        of: What it should list, by the name of its type in `octaspace.types`.

    Raises:
        octaspace.UnexpectedShapeError: It is not a list.
    """
    if not isinstance(data, list):
        found = excerpt(data)
        raise UnexpectedShapeError(
            f"{of}: the answer must be a JSON list, not {found} ({type(data).__name__})",
            type_name=of,
            value=found,
        )
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


def as_id(text: str) -> int | str:
    """An id out of an address as the API has it: a number where it is one."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,17}", text) else text


def single_line(value: Any, most: int = 80) -> str:
    """A text as one line of at most `most` characters without unseen ones; empty for everything else.

    What it makes can be a choice of a form, or stand in an address, and is the same when it comes back.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    text = " ".join(str(visible(value[: 4 * most])).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
