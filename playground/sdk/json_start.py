"""The beginning of a long answer as indented JSON without secrets; the rest is neither copied nor written.

Every page of a long list has one. `json.dumps` takes several times as long: with an indent, it is Python code
that hands each piece up through all levels.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any, Final

from .redaction import MAX_LEVELS, TOO_DEEP, WITHHELD, is_secret_field

__all__ = ["json_start"]

_INDENT: Final = "  "
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=repr).encode


def json_start(value: Any, characters: int, entries: int) -> str | None:
    """The beginning of a value's JSON.

    Args:
        value: The answer.
        characters: Maximum length of the text.
        entries: Maximum number of entries that are written of a list.

    Returns:
        The text; None if it is the whole value.
    """
    is_cut = isinstance(value, list) and len(value) > entries
    writer = _Writer(characters)
    writer.write(value[:entries] if is_cut else value, "\n", MAX_LEVELS)
    text = "".join(writer.pieces)
    return text[:characters] if is_cut or len(text) > characters else None


class _Writer:
    """Collects pieces of JSON until they are long enough.

    Args:
        characters: The length.
    """

    def __init__(self, characters: int) -> None:
        self.pieces: list[str] = []
        self._left = characters

    def write(self, value: Any, newline: str, levels: int) -> None:
        """Add a value.

        Args:
            value: The value.
            newline: A newline, and the indentation of the value.
            levels: Maximum depth; deeper values are replaced by a note.
        """
        if not isinstance(value, (dict, list)) or not value:
            self._add(_scalar(value))
        elif levels == 0:
            self._add(_encode(TOO_DEEP))
        elif isinstance(value, dict):
            self._write_object(value, newline, levels - 1)
        else:
            self._write_list(value, newline, levels - 1)

    def _write_object(self, value: dict[str, Any], newline: str, levels: int) -> None:
        before, inner = "{", newline + _INDENT
        for name, entry in value.items():
            field, is_secret = _field(name)
            if is_secret and entry not in (None, "", {}, []):
                entry = WITHHELD
            if isinstance(entry, (dict, list)):
                self._add(f"{before}{inner}{field}")
                self.write(entry, inner, levels)
            else:
                self._add(f"{before}{inner}{field}{_scalar(entry)}")
            if self._left < 0:
                return
            before = ","
        self._add(newline + "}")

    def _write_list(self, value: list[Any], newline: str, levels: int) -> None:
        before, inner = "[", newline + _INDENT
        for entry in value:
            self._add(before + inner)
            self.write(entry, inner, levels)
            if self._left < 0:
                return
            before = ","
        self._add(newline + "]")

    def _add(self, piece: str) -> None:
        self.pieces.append(piece)
        self._left -= len(piece)


@lru_cache(maxsize=1024)
def _field(name: str) -> tuple[str, bool]:
    """The name of a field as JSON, and whether its value is a secret. Entries of a list share names."""
    return f"{_encode(name)}: ", is_secret_field(name)


def _scalar(value: Any) -> str:
    kind = type(value)
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    return _encode(value)
