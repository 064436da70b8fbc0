"""Lines of a session's log, and which of them a page has seen already.

The API answers with everything each time. A page keeps a cursor instead of what it has seen: how many
entries and lines, and a mark made of the last of them, so that lines are found again when the beginning of
the log was dropped meanwhile. `octaspace.resources.services.log_diff` compares with the whole log as it was
before, which a page that any worker may answer does not have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

from octaspace.types import SessionLogs
from octaspace.types._lines import split

from ..formatting import visible

__all__ = ["Cursor", "LogLine", "News", "as_text", "news", "shown"]

#: How many of the last lines a mark is made of.
_MARKED: Final = 8

#: Characters of a line that are shown.
_MAX_CHARACTERS: Final = 4000

#: Colours, cursor movements and titles of terminals.
_TERMINAL: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]"
)

_CURSOR: Final = re.compile(r"(\d{1,9})\.([0-9a-f]{12})\.(\d{1,9})\.([0-9a-f]{12})")


@dataclass(frozen=True)
class LogLine:
    """A line as it is shown.

    Attributes:
        text: The line, without what a terminal would act on.
        time: When it was written; None for the container's own.
    """

    text: str
    time: datetime | None = None


@dataclass(frozen=True)
class Cursor:
    """What a page has seen.

    Attributes:
        entries: Entries of the system.
        entries_mark: Mark of the last of them.
        lines: Lines of the container.
        lines_mark: Mark of the last of them.
    """

    entries: int
    entries_mark: str
    lines: int
    lines_mark: str

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Read what `str` wrote; None for anything else, which begins at the beginning."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found[1]), found[2], int(found[3]), found[4]) if found else None

    def __str__(self) -> str:
        return f"{self.entries}.{self.entries_mark}.{self.lines}.{self.lines_mark}"


@dataclass(frozen=True)
class News:
    """Lines that were not seen before.

    Attributes:
        system: Those of the system.
        container: Those of the container.
        after: The cursor for next time.
        left_out: How many of them are not here because there are too many.
        gap: Whether what was seen last is not in the log any more, so that lines may be missing.
    """

    system: tuple[LogLine, ...]
    container: tuple[LogLine, ...]
    after: Cursor
    left_out: int
    gap: bool


def news(logs: SessionLogs, seen: Cursor | None, *, ended: bool, most: int) -> News:
    """What a log holds beyond a cursor.

    Args:
        logs: The log.
        seen: The cursor; None for nothing.
        ended: Whether the session is over. Until then a last line without its end is held back: it may grow.
        most: The most lines of each kind; the latest are kept.
    """
    entries = [f"{entry.time}\n{entry.message}" for entry in logs.system]
    lines = _container(logs.container, ended)
    first_entry, entries_gap = _unseen(entries, seen.entries, seen.entries_mark) if seen else (0, False)
    first_line, lines_gap = _unseen(lines, seen.lines, seen.lines_mark) if seen else (0, False)
    system = [
        LogLine(shown(text), entry.time)
        for entry in logs.system[first_entry:]
        for text in split(entry.message)
    ]
    container = [LogLine(shown(text)) for text in lines[first_line:]]
    return News(
        system=tuple(system[-most:]),
        container=tuple(container[-most:]),
        after=Cursor(len(entries), _mark(entries, len(entries)), len(lines), _mark(lines, len(lines))),
        left_out=max(0, len(system) - most) + max(0, len(container) - most),
        gap=entries_gap or lines_gap,
    )


def as_text(logs: SessionLogs) -> str:
    """The whole log as a text file, without what a terminal would act on."""
    system = [
        f"{entry.time:%Y-%m-%d %H:%M:%S} {text}" if entry.time else text
        for entry in logs.system
        for text in split(entry.message)
    ]
    parts = ["# system", *system, "", "# container", *_container(logs.container, True)]
    return "\n".join(_clean(line) for line in parts) + "\n"


def _unseen(items: Sequence[str], count: int, mark: str) -> tuple[int, bool]:
    """Where those begin that were not seen, and whether some may be missing before them."""
    if count == 0:
        return 0, False
    if count <= len(items) and _mark(items, count) == mark:
        return count, False
    for end in range(len(items), 0, -1):
        if _mark(items, end) == mark:
            return end, False
    return 0, bool(items)


def _mark(items: Sequence[str], end: int) -> str:
    digest = blake2b(digest_size=6)
    for item in items[max(0, end - _MARKED) : end]:
        digest.update(item.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()


def _container(text: str, ended: bool) -> Sequence[str]:
    """Its lines, without a last one that may still grow."""
    lines = split(text)
    return lines if ended or text.endswith("\n") else lines[:-1]


def _clean(text: str) -> str:
    plain: str = visible(_TERMINAL.sub("", text))
    return plain


def shown(text: str) -> str:
    """A line without what a terminal would act on, and not longer than a page can show."""
    left = len(text) - _MAX_CHARACTERS
    return _clean(text) if left <= 0 else f"{_clean(text[:_MAX_CHARACTERS])} … and {left} more characters"
