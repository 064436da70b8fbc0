"""Lines of a session's log, and which of them a page has shown already.

The API returns the whole log each time. A page keeps a cursor: the number of entries and lines it has shown,
and a hash of the last of them, so that the position is found again when the beginning of the log was dropped
in the meantime. `octaspace.resources.services.log_diff` compares with the whole previous log, which is not
available here, because any worker may answer the page.
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

__all__ = ["Cursor", "LogLine", "NewLines", "as_text", "new_lines", "shown"]

#: Number of last lines that a mark is computed from.
_MARKED: Final = 8

#: Maximum number of characters that are shown of a line.
_MAX_CHARACTERS: Final = 4000

#: Terminal escape sequences: colours, cursor movements and titles.
_TERMINAL: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]"
)

_CURSOR: Final = re.compile(r"(\d{1,9})\.([0-9a-f]{12})\.(\d{1,9})\.([0-9a-f]{12})")


@dataclass(frozen=True)
class LogLine:
    """A line as it is shown.

    Attributes:
        text: The line without terminal escape sequences.
        time: When it was written; None for lines of the container.
    """

    text: str
    time: datetime | None = None


@dataclass(frozen=True)
class Cursor:
    """Position up to which a page has shown a log.

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
        """Parse the text form of a cursor; None for anything else, which means the beginning of the log."""
        found = _CURSOR.fullmatch(text)
        return cls(int(found[1]), found[2], int(found[3]), found[4]) if found else None

    def __str__(self) -> str:
        return f"{self.entries}.{self.entries_mark}.{self.lines}.{self.lines_mark}"


@dataclass(frozen=True)
class NewLines:
    """Lines that a page has not shown yet.

    Attributes:
        system: Lines of the system log.
        container: Lines of the container log.
        after: The cursor for the next request.
        left_out: Number of lines left out because there are too many.
        gap: Whether the last line shown is no longer in the log, so that lines may be missing.
    """

    system: tuple[LogLine, ...]
    container: tuple[LogLine, ...]
    after: Cursor
    left_out: int
    gap: bool


def new_lines(logs: SessionLogs, seen: Cursor | None, *, ended: bool, max_lines: int) -> NewLines:
    """The lines of a log after a cursor.

    Args:
        logs: The log.
        seen: The cursor; None for the beginning.
        ended: Whether the session has ended. Until then an unfinished last line is held back.
        max_lines: Maximum number of lines of each kind; the latest are kept.
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
    return NewLines(
        system=tuple(system[-max_lines:]),
        container=tuple(container[-max_lines:]),
        after=Cursor(len(entries), _mark(entries, len(entries)), len(lines), _mark(lines, len(lines))),
        left_out=max(0, len(system) - max_lines) + max(0, len(container) - max_lines),
        gap=entries_gap or lines_gap,
    )


def as_text(logs: SessionLogs) -> str:
    """The whole log as a text file, without terminal escape sequences."""
    system = [
        f"{entry.time:%Y-%m-%d %H:%M:%S} {text}" if entry.time else text
        for entry in logs.system
        for text in split(entry.message)
    ]
    parts = ["# system", *system, "", "# container", *_container(logs.container, True)]
    return "\n".join(_clean(line) for line in parts) + "\n"


def _unseen(items: Sequence[str], count: int, mark: str) -> tuple[int, bool]:
    """Index of the first new item, and whether items before it may be missing."""
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
    """Lines of the container log, without a last one that may still grow."""
    lines = split(text)
    return lines if ended or text.endswith("\n") else lines[:-1]


def _clean(text: str) -> str:
    plain: str = visible(_TERMINAL.sub("", text))
    return plain


def shown(text: str) -> str:
    """A line without terminal escape sequences, shortened to what a page can show."""
    left = len(text) - _MAX_CHARACTERS
    if left <= 0 and text.isprintable():
        return text  # nothing to replace, as in most lines
    return _clean(text) if left <= 0 else f"{_clean(text[:_MAX_CHARACTERS])} … and {left} more characters"
