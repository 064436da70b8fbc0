"""Search in the lines of a log, as a page shows them.

The search is for text, in any case of letters. `static/js/log-search.js` does the same in the browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..formatting import visible

__all__ = ["LogSearch", "Piece", "search_log"]

#: Maximum characters of what is searched for, and maximum number of matches that are highlighted.
_MAX_CHARACTERS: Final = 200
_MAX_MATCHES: Final = 1000


@dataclass(frozen=True)
class Piece:
    """A part of a line.

    Attributes:
        text: The part.
        match: Number of the match that it is, from 1; 0 for text between matches.
    """

    text: str
    match: int = 0


@dataclass(frozen=True)
class LogSearch:
    """The lines of a log with the matches in them.

    Attributes:
        text: What is searched for; empty for nothing.
        parts: For each part of the log the pieces of each line.
        count: Number of matches.
        current: Number of the match that the page goes to; 0 without one.
    """

    text: str
    parts: tuple[tuple[tuple[Piece, ...], ...], ...]
    count: int
    current: int

    @property
    def previous(self) -> int:
        """The match before the current one; the last one before the first."""
        return self.current - 1 if self.current > 1 else self.highlighted

    @property
    def next(self) -> int:
        """The match after the current one; the first one after the last."""
        return self.current % self.highlighted + 1 if self.highlighted else 0

    @property
    def highlighted(self) -> int:
        """Number of matches that are highlighted."""
        return min(self.count, _MAX_MATCHES)


def search_log(args: Mapping[str, str], *parts: Sequence[str]) -> LogSearch:
    """Search for the text in a query.

    Args:
        args: The query: ``find`` is the text, ``match`` the number of the current match.
        parts: Lines of each part of the log.
    """
    text = _wanted(args)
    pattern = re.compile(re.escape(text), re.IGNORECASE) if text else None
    count = 0

    def pieces(line: str, pattern: re.Pattern[str]) -> Iterator[Piece]:
        nonlocal count
        at = 0
        for found in pattern.finditer(line):
            count += 1
            if count > _MAX_MATCHES:
                continue
            if found.start() > at:
                yield Piece(line[at : found.start()])
            yield Piece(found[0], count)
            at = found.end()
        if at < len(line) or not line:
            yield Piece(line[at:])

    shown: tuple[tuple[tuple[Piece, ...], ...], ...]
    if pattern is None:
        shown = tuple(tuple((Piece(line),) for line in part) for part in parts)
    else:
        shown = tuple(tuple(tuple(pieces(line, pattern)) for line in part) for part in parts)
    asked = args.get("match", "")
    current = int(asked) if re.fullmatch("[0-9]{1,9}", asked) else 1
    return LogSearch(text, shown, count, max(1, min(current, count, _MAX_MATCHES)) if count else 0)


def _wanted(args: Mapping[str, str]) -> str:
    text = str(visible(args.get("find", "")[:_MAX_CHARACTERS])).replace("\n", " ")
    return text if text.strip() else ""
