"""Write text from a ledger or from the API to a terminal: one line each, without control characters."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from ..errors import one_line
from ..key_mask import KeyMask

__all__ = ["Output", "printable", "table"]

#: Longest line that is not a row of a table.
_MAX_LINE: Final = 4000

_GAP: Final = 2
#: A terminal that reports fewer columns reports nothing.
_MIN_COLUMNS: Final = 20


class Output:
    """Lines for a stream. A stream that cannot be written ends nothing: what is being done matters more.

    Args:
        stream: A text stream, e.g. `sys.stdout`; None if the process was started without one.
        mask: Masks the key.

    Attributes:
        failed: Whether a line could not be written.
    """

    def __init__(self, stream: TextIO | None, mask: KeyMask) -> None:
        self.failed = stream is None
        self._stream = stream
        self._mask = mask

    def line(self, text: str) -> None:
        """Write one line, and flush it."""
        if self.failed or self._stream is None:
            return
        encoding = self._stream.encoding or "utf-8"
        text = self._mask.text(text).encode(encoding, "backslashreplace").decode(encoding)
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (OSError, ValueError):  # a closed pipe, a full disk, a closed stream
            self.failed = True

    def lines(self, texts: Iterable[str]) -> None:
        """Write several lines."""
        for text in texts:
            self.line(text)

    @property
    def columns(self) -> int | None:
        """The width of the terminal, or of the variable COLUMNS; None if lines may have any length."""
        given = os.environ.get("COLUMNS", "")
        if given.isascii() and given.isdigit():
            return max(int(given), _MIN_COLUMNS)
        if self._stream is None:
            return None
        try:
            found = os.get_terminal_size(self._stream.fileno()).columns if self._stream.isatty() else 0
        except (OSError, ValueError):
            return None
        return max(found, _MIN_COLUMNS) if found else None


def printable(text: str) -> str:
    """One line without control characters."""
    return one_line(text, limit=_MAX_LINE)


def table(names: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None) -> list[str]:
    """The lines of a table; if it is wider than the terminal, a block of lines for each row.

    Args:
        names: The names of the columns.
        rows: The cells.
        columns: Width of the terminal; None for no limit.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(names, *cells, strict=True)]
    if columns is None or sum(widths) + _GAP * (len(widths) - 1) <= columns:
        gap = " " * _GAP
        return [
            gap.join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (names, *cells)
        ]
    label = max(map(_width, names))
    lines: list[str] = []
    for row in cells:
        lines += [""] if lines else []
        lines += [
            f"{_padded(name, label)}{' ' * _GAP}{_shortened(cell, columns - label - _GAP)}"
            for name, cell in zip(names, row, strict=True)
        ]
    return lines


def _width(text: str) -> int:
    """Columns that a terminal needs for a text."""
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _shortened(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept, used = "", 0
    for character in text:
        used += _character_width(character)
        if used > width - 1:
            break
        kept += character
    return f"{kept}…"
