"""The header fields of a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

__all__ = ["SentHeaders"]


class SentHeaders(MutableMapping[str, str]):
    """Like `requests.structures.CaseInsensitiveDict`, but quick to copy. It has no `repr` that shows the key.

    Args:
        fields: By name.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        #: By lower-case name: name and value.
        self._fields = {name.lower(): (name, value) for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._fields[name.lower()] = name, value

    def __delitem__(self, name: str) -> None:
        del self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def clone(self) -> SentHeaders:
        """Copy the fields for another request, ten times faster than creating them again."""
        twin = SentHeaders.__new__(SentHeaders)
        twin._fields = self._fields.copy()
        return twin

    def copy(self) -> Any:
        """A plain dict for urllib3, which copies the fields of each request."""
        return dict(self._fields.values())
