"""The error for a payload without the expected shape."""

from __future__ import annotations

from ..errors import UnexpectedShapeError
from ..safe_repr import excerpt

__all__ = ["unexpected"]


def unexpected(
    owner: str, name: str | None, kind: str, value: object, *, missing: bool = False
) -> UnexpectedShapeError:
    """Return the error for a payload or a field that does not have the expected value.

    Args:
        owner: Name of the type that is created.
        name: The field; None for the payload itself.
        kind: Description of the expected value, such as "an integer".
        value: The value found.
        missing: Whether there is no value.
    """
    words = None if missing else excerpt(value)
    found = ": it is missing" if missing else f", not {words}"
    if name is None:
        found += f" ({type(value).__name__})"
    return UnexpectedShapeError(
        f"{owner}.from_api: {name or 'the payload'} must be {kind}{found}",
        type_name=owner,
        field=name,
        value=words,
    )
