"""Base class of all types."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

__all__ = ["Shape"]


class Shape:
    """A typed payload whose repr shows the values that differ from the defaults, without secrets."""

    __slots__ = ()

    def __repr__(self) -> str:
        all_fields: tuple[Field[Any], ...] = fields(self)  # type: ignore[arg-type]
        parts = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in all_fields
            if field.repr and getattr(self, field.name) != _default(field)
        )
        return f"{type(self).__name__}({', '.join(parts)})"


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
