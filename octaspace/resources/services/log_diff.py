"""Find the new part of a log that is returned completely each time and may have lost its beginning.

The time is proportional to the size of the logs, regardless of their content: a container may write a million
equal lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeVar

__all__ = ["new_entries", "overlap_of_texts"]

_Entry = TypeVar("_Entry", bound=Hashable)

#: How many characters are searched for in an unfinished line, and how many matches are tried.
_PROBE: Final = 200
_TRIES: Final = 20


def new_entries(old: Sequence[_Entry], new: Sequence[_Entry]) -> Sequence[_Entry]:
    """Return the entries of `new` that are not in `old`, in order.

    Args:
        old: The previous log.
        new: The current log. It has grown at its end or also in its middle (the older shape, Q13, has the
            lines of the container after those of the system), or has lost its beginning.
    """
    if new[: len(old)] == old:
        return new[len(old) :]
    # Grown in the middle and at the end: all old entries are still there, in two pieces.
    same = next(at for at in range(len(old)) if at >= len(new) or old[at] != new[at])
    behind = _find(old[same:], new, start=same)
    if behind is not None:
        return [*new[same:behind], *new[behind + len(old) - same :]]
    known = next(_overlaps(old, new), 0)
    if known:
        return new[known:]
    left = Counter(old)
    fresh = []
    for entry in new:
        if left[entry] > 0:
            left[entry] -= 1
        else:
            fresh.append(entry)
    return fresh


def overlap_of_texts(old: str, new: str) -> int:
    """Return how many characters at the beginning of `new` are at the end of `old`, or are all of `old`.

    It compares lines, which is a hundred times as fast as comparing characters. The first line of `new` may
    be the rest of a line, and the last line of `old` may have been continued.

    Args:
        old: The previous text.
        new: The current text.
    """
    if new.startswith(old):
        return len(old)
    *before, unfinished = old.split("\n")
    *lines, _ = new.split("\n")
    if lines and before:
        ends = list(accumulate(len(line) + 1 for line in lines))
        for whole in (*_overlaps(before, lines[1:]), 0):
            # Include the first line, which may have been cut.
            if whole < len(before) and before[-whole - 1].endswith(lines[0]):
                end = ends[whole]
                if new.startswith(unfinished, end):
                    return end + len(unfinished)
    return _overlap_in_line(unfinished, new)


def _overlap_in_line(line: str, new: str) -> int:
    """Return the overlap with an unfinished line. The output of progress bars may be one such line."""
    at = 0 if new.startswith(line) else line.find(new[:_PROBE])
    for _ in range(_TRIES):
        if at < 0:
            break
        if new.startswith(line[at:]):
            return len(line) - at
        at = line.find(new[:_PROBE], at + 1)
    return 0


def _overlaps(old: Sequence[_Entry], new: Sequence[_Entry]) -> Iterator[int]:
    """Yield the length of each suffix of `old` that is a prefix of `new`, longest first."""
    part = new[: len(old)]
    if not part:
        return
    links = _links(part)
    length = 0
    for entry in old[len(old) - len(part) :]:
        length = _longer(part, links, length, entry)
    while length:
        yield length
        length = links[length - 1]


def _find(part: Sequence[_Entry], whole: Sequence[_Entry], *, start: int) -> int | None:
    """Return the first position of `part`, which is not empty, in `whole`."""
    links = _links(part)
    length = 0
    for at in range(start, len(whole)):
        length = _longer(part, links, length, whole[at])
        if length == len(part):
            return at + 1 - length
    return None


def _links(part: Sequence[_Entry]) -> list[int]:
    """Return the Knuth-Morris-Pratt table: for each prefix, the length of its longest proper border."""
    links = [0] * len(part)
    for at in range(1, len(part)):
        links[at] = _longer(part, links, links[at - 1], part[at])
    return links


def _longer(part: Sequence[_Entry], links: list[int], length: int, entry: _Entry) -> int:
    """Return how many entries of `part` match after `entry`, when `length` matched before it."""
    while length and part[length] != entry:
        length = links[length - 1]
    return length + 1 if part[length] == entry else 0
