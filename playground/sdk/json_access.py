"""Access to the API's JSON without assumptions about its shape: missing or unexpected values are None.

Only `listed` raises, because a page that expects a list has nothing else to show.
"""

from __future__ import annotations

import re
from typing import Any

from octaspace import UnexpectedShapeError
from octaspace.safe_repr import excerpt

from ..formatting import visible

__all__ = ["as_id", "get_path", "listed", "number", "single_line"]


def get_path(data: Any, path: str) -> Any:
    """The value at a dotted path of nested objects, or None."""
    for name in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data


def listed(data: Any, of: str) -> list[Any]:
    """Check that an answer is a list.

    Args:
        data: The answer.
        of: Name of its item type in `octaspace.types`.

    Raises:
        octaspace.UnexpectedShapeError: The answer is not a list.
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
    """The number, also when it is sent as text; None for everything else."""
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
    """An id from a URL in the API's type: an int when it consists of digits."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,17}", text) else text


def single_line(value: Any, max_length: int = 80) -> str:
    """A text as one line of at most `max_length` visible characters; empty for everything else.

    The result can be used in form fields and URLs without changes.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    # Most texts are short and have no other white space than single spaces: they stay as they are.
    if len(value) <= max_length and value.isprintable() and "  " not in value and value == value.strip():
        return value
    text = " ".join(str(visible(value[: 4 * max_length])).split())
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"
