"""Following a session's logs: from answers that hold everything each time to lines that come once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from ...errors import NotFoundError
from ...types._lines import split
from ...types.readiness import readiness
from .log_growth import new_entries, overlap_of_texts
from .waiting import session_info

__all__ = ["follow_logs"]


_END: Final = "\n"


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
            answer, ended = None, True  # a session that has ended answers with recent=true only
        else:
            # Asked for after the logs, so what was written until the end is in the next answer.
            known, ended = True, _has_ended(info)
        yield from _news(answer, system, container)
        if ended:
            yield from _news(_last_words(read, must_exist=not known), system, container)
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
    return readiness(session_info(found)) == "ended"


def _news(answer: Any, system: _Entries, container: _Text) -> Iterator[str]:
    """What an answer brings; the older list of lines is read as well (Q13)."""
    if isinstance(answer, list):
        yield from system.news(answer)
    elif isinstance(answer, dict):
        entries, text = answer.get("system"), answer.get("container")
        yield from system.news(entries if isinstance(entries, list) else [])
        if isinstance(text, list):
            text = "".join(f"{words.removesuffix(_END)}{_END}" for _, words in map(_entry, text))
        yield from container.news(text if isinstance(text, str) else "")


class _Entries:
    """Lines of the system's log that were not seen before."""

    def __init__(self) -> None:
        self._seen: list[tuple[str | None, str]] = []

    def news(self, answer: list[Any]) -> Iterator[str]:
        lines = [(time, line) for time, message in map(_entry, answer) for line in split(message)]
        # Nothing, from a session that has ended, or less than before, from an endpoint that lags behind, says
        # nothing about what was seen.
        if lines == self._seen[: len(lines)]:
            return
        fresh = new_entries(self._seen, lines)
        self._seen = lines
        for _, line in fresh:
            yield line


class _Text:
    """Lines of a text that grows, and may lose its beginning when it is long."""

    def __init__(self) -> None:
        self._seen = ""
        self._open = ""  # the last line, as long as it has no end

    def news(self, text: str) -> Iterator[str]:
        if self._seen.startswith(text):
            return
        known = overlap_of_texts(self._seen, text)
        if not known:  # the end of the line that was held back has gone with the rest
            yield from self.rest()
        self._seen = text
        *lines, self._open = (self._open + text[known:]).split("\n")
        for line in lines:
            yield line.removesuffix("\r")

    def rest(self) -> Iterator[str]:
        held, self._open = self._open, ""
        if held:
            yield held.removesuffix("\r")


def _entry(entry: Any) -> tuple[str | None, str]:
    """Time and message, under any of their names.

    The older shape (Q13) has lines alone, of which an empty one is a line as well.
    """
    if isinstance(entry, dict):
        time = next((entry[name] for name in ("ts", "timestamp", "time") if entry.get(name)), None)
        words = next((entry[name] for name in ("msg", "message", "text") if entry.get(name)), "")
        return str(time), str(words)
    text = str(entry)
    return None, text if text.endswith("\n") else f"{text}\n"
