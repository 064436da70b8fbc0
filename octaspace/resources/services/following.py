"""Following a session's logs: from answers that hold everything each time to lines that come once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...errors import NotFoundError
from ...types.readiness import readiness

__all__ = ["follow_logs"]


def follow_logs(
    read: Callable[[bool | None], Any], info: Callable[[], Any], pause: Callable[[], None]
) -> Iterator[str]:
    """Yield new lines until the session has ended; see `Session.follow_logs`.

    Args:
        read: The logs as the API answers them; True asks for those of a session that has ended (Q13).
        info: The session's info.
        pause: Waits until the next look.
    """
    system, container = _Entries(), _Text()
    known = False
    while True:
        try:
            answer = read(None)
        except NotFoundError:
            ended = True  # a session that has ended answers with recent=true only
            answer = _last_words(read, must_exist=not known)
        else:
            # Asked for after the logs, so what was written until the end is in the next answer.
            ended = _has_ended(info)
            if ended:
                answer = _last_words(read, must_exist=False) or answer
        known = True
        entries, text = _parts(answer)
        yield from system.news(entries)
        yield from container.news(text)
        if ended:
            yield from container.rest()
            return
        pause()


def _last_words(read: Callable[[bool | None], Any], *, must_exist: bool) -> Any:
    try:
        return read(True)
    except NotFoundError:
        if must_exist:
            raise
        return None


def _has_ended(info: Callable[[], Any]) -> bool:
    try:
        found = info()
    except NotFoundError:
        return True
    return isinstance(found, dict) and readiness(found) == "ended"


def _parts(answer: Any) -> tuple[list[Any], str]:
    """System entries and container text of an answer, the older list of lines included (Q13)."""
    if isinstance(answer, list):
        return answer, ""
    if not isinstance(answer, dict):
        return [], ""
    entries, text = answer.get("system"), answer.get("container")
    return (entries if isinstance(entries, list) else []), (text if isinstance(text, str) else "")


class _Entries:
    """Entries of the system's log that were not seen before."""

    def __init__(self) -> None:
        self._seen: list[tuple[Any, str]] = []

    def news(self, answer: list[Any]) -> Iterator[str]:
        if not answer:  # an ended session may answer with nothing, which says nothing about what was seen
            return
        entries = [_entry(entry) for entry in answer]
        fresh = _inserted(self._seen, entries)
        self._seen = entries
        for _, message in fresh:
            yield from message.splitlines()


class _Text:
    """Lines of a text that grows, and may lose its beginning when it is long."""

    def __init__(self) -> None:
        self._seen = ""
        self._open = ""  # the last line, as long as it has no end

    def news(self, text: str) -> Iterator[str]:
        if not text:
            return
        text = text.replace("\r\n", "\n")
        fresh = text[_overlap(self._seen, text) :]
        self._seen = text
        *lines, self._open = (self._open + fresh).split("\n")
        yield from lines

    def rest(self) -> Iterator[str]:
        if self._open:
            yield self._open
        self._open = ""


def _entry(entry: Any) -> tuple[Any, str]:
    """Time and message; the older shape (Q13) has the message alone."""
    if isinstance(entry, dict):
        return str(entry.get("ts")), str(entry.get("msg") or "")
    return None, str(entry)


def _inserted(old: list[tuple[Any, str]], new: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """What `new` has and `old` has not, in order."""
    known = _overlap(old, new)
    if known or not old:
        return new[known:]
    from difflib import SequenceMatcher  # only the older shape needs it

    # There both logs are one list, so the system's lines appear in front of the container's.
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        entry
        for tag, _, _, begin, end in matcher.get_opcodes()
        if tag in ("insert", "replace")
        for entry in new[begin:end]
    ]


def _overlap(old: Sequence[Any], new: Sequence[Any]) -> int:
    """How much of the beginning of `new` is the end of `old`."""
    if new[: len(old)] == old:  # it has grown, as a log does
        return len(old)
    for start in range(max(0, len(old) - len(new)), len(old)):  # its beginning was dropped
        if old[start] == new[0] and old[start:] == new[: len(old) - start]:
            return len(old) - start
    return 0
