"""What is new in a log that is answered whole each time, and may have lost its beginning since.

All of it takes time in proportion to the logs, whatever stands in them: a container may write a million equal
lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeVar

__all__ = ["new_entries", "overlap_of_texts"]

_Entry = TypeVar("_Entry", bound=Hashable)

#: How much of a text is looked for in a line without an end, and how many places are tried.
_PROBE: Final = 200
_TRIES: Final = 20


def new_entries(old: Sequence[_Entry], new: Sequence[_Entry]) -> Sequence[_Entry]:
    """What `new` has and `old` has not, in order.

    Args:
        old: The log as it was.
        new: The log as it is: grown at its end, in its middle as well (the older shape, Q13, has the lines
            of the container behind those of the system), or without its beginning.
    """
    if new[: len(old)] == old:
        return new[len(old) :]
    # In the middle and at the end: everything old is still there, in two pieces.
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
    """How many characters of the beginning of `new` were in `old`, at its end or as all of it.

    Line by line, which is a hundred times as fast as by characters: the first line of `new` may be the rest
    of one, and the last of `old` may have gone on.

    Args:
        old: The text as it was.
        new: The text as it is.
    """
    if new.startswith(old):
        return len(old)
    *before, unfinished = old.split("\n")
    *lines, _ = new.split("\n")
    if lines and before:
        ends = list(accumulate(len(line) + 1 for line in lines))
        for whole in (*_overlaps(before, lines[1:]), 0):
            # With the first line, which may have been cut.
            if whole < len(before) and before[-whole - 1].endswith(lines[0]):
                end = ends[whole]
                if new.startswith(unfinished, end):
                    return end + len(unfinished)
    return _overlap_in_line(unfinished, new)


def _overlap_in_line(line: str, new: str) -> int:
    """The same for a line without an end, which a text of progress bars may be altogether."""
    at = 0 if new.startswith(line) else line.find(new[:_PROBE])
    for _ in range(_TRIES):
        if at < 0:
            break
        if new.startswith(line[at:]):
            return len(line) - at
        at = line.find(new[:_PROBE], at + 1)
    return 0


def _overlaps(old: Sequence[_Entry], new: Sequence[_Entry]) -> Iterator[int]:
    """The length of each end of `old` that is a beginning of `new`, the longest first."""
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
    """Where `part`, which is not empty, stands in `whole` for the first time."""
    links = _links(part)
    length = 0
    for at in range(start, len(whole)):
        length = _longer(part, links, length, whole[at])
        if length == len(part):
            return at + 1 - length
    return None


def _links(part: Sequence[_Entry]) -> list[int]:
    """Knuth, Morris and Pratt's table: of each beginning, the longest end that is a beginning as well."""
    links = [0] * len(part)
    for at in range(1, len(part)):
        links[at] = _longer(part, links, links[at - 1], part[at])
    return links


def _longer(part: Sequence[_Entry], links: list[int], length: int, entry: _Entry) -> int:
    """How much of `part` has been met, `entry` included, when `length` of it had been before."""
    while length and part[length] != entry:
        length = links[length - 1]
    return length + 1 if part[length] == entry else 0
