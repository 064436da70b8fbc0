"""Read a payload field by field, and keep what was not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from ..errors import UnexpectedShapeError
from . import _coerce
from ._unexpected import unexpected

__all__ = ["Fields"]

T = TypeVar("T")
K = TypeVar("K")


class Fields:
    """The fields of one JSON object.

    All methods follow one rule: an optional value that cannot be read becomes None (or an empty tuple or
    mapping, depending on the type), and the unchanged value stays in the result of `rest`, together with the
    fields that were not requested. A null is the same as an absent field.

    Args:
        owner: Name of the type that is created, for messages.
        payload: The JSON object.

    Raises:
        octaspace.UnexpectedShapeError: The payload is not a mapping.
    """

    __slots__ = ("_left", "_owner", "_payload")

    def __init__(self, owner: str, payload: object) -> None:
        if not isinstance(payload, Mapping):
            raise unexpected(owner, None, "a JSON object", payload)
        self._owner = owner
        self._payload = payload
        self._left = dict(payload)

    def rest(self) -> dict[str, Any]:
        """Return what was not read: unknown fields, and known fields with unreadable values."""
        return self._left

    def value(self, name: str) -> Any:
        """Return the unchanged value, or None. The field still counts as not read."""
        return self._payload.get(name)

    def drop(self, name: str) -> None:
        """Count a field as read."""
        self._left.pop(name, None)

    def read(self, name: str, convert: Callable[[Any], T | None]) -> T | None:
        """Return the converted value; None when it is absent or null, or `convert` returns None."""
        value = self._payload.get(name)
        result = None if value is None else convert(value)
        if value is None or result is not None:
            self._left.pop(name, None)
        return result

    def require(self, name: str, convert: Callable[[Any], T | None], kind: str) -> T:
        """Return the converted value of a required field.

        Args:
            name: The field.
            convert: Returns None for a value that it cannot read.
            kind: Description of the expected value, such as "an integer".

        Raises:
            octaspace.UnexpectedShapeError: It is missing, null, or not of that kind.
        """
        result = self.read(name, convert)
        if result is None:
            raise self.fault(name, kind)
        return result

    def fault(self, name: str, kind: str) -> UnexpectedShapeError:
        """Return the error for a field that does not have the expected value."""
        value = self._payload.get(name)
        return unexpected(self._owner, name, kind, value, missing=value is None)

    # In short or older payloads most fields are absent: the first five methods return early for these.

    def text(self, name: str) -> str | None:
        return self.read(name, _coerce.text) if name in self._payload else None

    def integer(self, name: str) -> int | None:
        return self.read(name, _coerce.integer) if name in self._payload else None

    def number(self, name: str) -> float | None:
        return self.read(name, _coerce.number) if name in self._payload else None

    def flag(self, name: str) -> bool | None:
        return self.read(name, _coerce.flag) if name in self._payload else None

    def decimal(self, name: str) -> Decimal | None:
        return self.read(name, _coerce.decimal) if name in self._payload else None

    def text_or_integer(self, name: str) -> str | int | None:
        words = self.text(name)
        return self.integer(name) if words is None else words

    def wei(self, name: str) -> int | None:
        return self.read(name, _coerce.wei)

    def moment(self, name: str) -> datetime | None:
        """Return a time; None for 0 and an empty string."""
        if self.value(name) == "" or _coerce.number(self.value(name)) == 0:
            self.drop(name)
            return None
        return self.read(name, _coerce.moment)

    def ports(self, name: str) -> tuple[int, ...]:
        return self.read(name, _coerce.ports) or ()

    def either(self, name: str, other: str, convert: Callable[[Any], T | None]) -> T | None:
        """Return a figure that the API sends under one of two names.

        The value under `name` takes precedence, unless it is 0 or empty and `other` has a value. The field
        `other` counts as read, unless its value is different.
        """
        read = self.read(name, convert)
        if self._payload.get(other) is None:
            self._left.pop(other, None)
            return read
        second = convert(self._payload[other])
        if second is None or (read and read != second):
            return read
        self._left.pop(other, None)
        return read or second

    def bandwidth(self, direction: str) -> float | None:
        """Return Mbit/s in a direction, "down" or "up", under either name (Q23); 0 means unknown (Q4)."""
        return self.either(f"net_{direction}_mbits", f"net_{direction}_mbs", _coerce.bandwidth) or None

    def shape(self, name: str, from_api: Callable[[Any], T]) -> T | None:
        """Return a nested object."""
        return self.read(name, _or_none(from_api))

    def shapes(self, name: str, from_api: Callable[[Any], T]) -> tuple[T, ...]:
        """Return a list of nested objects; see `items`."""
        return self.items(name, _or_none(from_api))

    def shape_map(self, name: str, from_api: Callable[[Any], T]) -> dict[str, T]:
        """Return nested objects by name; see `mapping`."""
        return self.mapping(name, _coerce.text, _or_none(from_api))

    def items(self, name: str, convert: Callable[[Any], T | None]) -> tuple[T, ...]:
        """Return the readable entries of a list. When one is not readable, the whole list stays in `rest`."""
        value = self._payload.get(name)
        entries = value if isinstance(value, (list, tuple)) else ()
        read = tuple(entry for entry in map(convert, entries) if entry is not None)
        if value is None or (entries is value and len(read) == len(entries)):
            self._left.pop(name, None)
        return read

    def mapping(
        self, name: str, key: Callable[[Any], K | None], convert: Callable[[Any], T | None]
    ) -> dict[K, T]:
        """Return the readable entries of an object whose keys are data; it may be JSON text (Q31).

        When one is not readable, the whole object stays in `rest`.
        """
        value = self._payload.get(name)
        entries = None if value is None else _coerce.mapping(value)
        read: dict[K, T] = {}
        for each, content in () if entries is None else entries.items():
            known, result = key(each), convert(content)
            if known is not None and result is not None:
                read[known] = result
        if value is None or (entries is not None and len(read) == len(entries)):
            self._left.pop(name, None)
        return read

    def envs(self, name: str) -> dict[str, str]:
        """Return environment variables as text (Q27). If one is not text, the object also stays in `rest`."""
        read = self.mapping(name, _coerce.text, _coerce.env)
        value = self._payload.get(name)
        entries = _coerce.mapping(value) if read else None
        if entries is not None and not all(isinstance(each, str) for each in entries.values()):
            self._left[name] = value
        return read


def _or_none(from_api: Callable[[Any], T]) -> Callable[[Any], T | None]:
    def convert(value: Any) -> T | None:
        try:
            return from_api(value)
        except UnexpectedShapeError:
            return None

    return convert
