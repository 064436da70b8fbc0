"""Following a session's logs: from answers that hold everything each time to lines that come once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

from ... import errors
from ...request import RequestSender
from ...safe_repr import safe_repr
from ...types._lines import split
from ...types.readiness import readiness
from .log_diff import new_entries, overlap_of_texts
from .polling import session_info
from .transient import is_transient

__all__ = ["follow_logs"]


_END: Final = "\n"

#: Asks for the logs within so many seconds, None for any number. True asks for those of a session that has
#: ended (Q13).
ReadLogs = Callable[["bool | None", "float | None"], Any]
#: Asks for the session's info within so many seconds.
ReadInfo = Callable[["float | None"], Any]


def follow_logs(
    read: ReadLogs,
    info: ReadInfo,
    clock: RequestSender,
    *,
    interval: float,
    timeout: float | None,
    on_idle: Callable[[], object] | None,
) -> Iterator[str]:
    """Yield new lines until the session has ended; see `Session.follow_logs`.

    Args:
        read: Asks for the logs.
        info: Asks for the session's info.
        clock: Time, pauses, and whether the client is closed.
        interval: Seconds between two looks.
        timeout: Seconds for all of it, or None.
        on_idle: Called at each look that brought nothing.
    """
    end = inf if timeout is None else clock.monotonic() + timeout
    session, log = _Session(read, info, clock, end), _Log()
    was_open = not clock.closed
    while True:
        idle, pause = True, interval
        try:
            for answer in session.look():
                for line in log.news(answer):
                    idle = False
                    yield line
        except errors.Error as error:
            if was_open and clock.closed and isinstance(error, errors.ConfigurationError):
                break
            # A log that has grown beyond what is read does not get shorter.
            if not is_transient(error) or getattr(error, "option", None) is not None:
                raise
            pause = max(interval, getattr(error, "retry_after", None) or 0.0)
        if session.is_over:
            break
        if idle and on_idle is not None:
            on_idle()
        while True:
            step = min(interval or pause, pause)
            clock.sleep(max(0.0, min(step, end - clock.monotonic())))
            pause -= step
            ends = clock.closed or clock.monotonic() >= end
            if ends or pause <= 0:
                break
            if on_idle is not None:  # the API has asked for a longer wait
                on_idle()
        if ends:
            break
    yield from log.rest()


class _Session:
    """One session, looked at again and again.

    Attributes:
        is_over: Whether it has ended and its last words were read.
    """

    def __init__(self, read: ReadLogs, info: ReadInfo, clock: RequestSender, end: float) -> None:
        self._read, self._info = read, info
        self._clock, self._end = clock, end
        self._known = self._ended = self.is_over = False

    def look(self) -> Iterator[Any]:
        """The logs as the API answers them, and once the session has ended, what it leaves behind."""
        if not self._ended:
            try:
                answer = self._read(None, self._left())
            except errors.NotFoundError:
                self._ended = True  # a session that has ended answers with recent=true only
            else:
                self._known = True
                yield answer
                # Asked for after the logs, so what was written until the end is in the next answer.
                self._ended = self._has_ended()
        if self._ended:
            try:
                yield self._read(True, self._left())
            except errors.NotFoundError:
                if not self._known:
                    raise
            self.is_over = True

    def _has_ended(self) -> bool:
        try:
            found = self._info(self._left())
        except errors.NotFoundError:
            return True
        return readiness(session_info(found)) == "ended"

    def _left(self) -> float | None:
        return None if self._end == inf else max(0.0, self._end - self._clock.monotonic())


class _Log:
    """What of answers was not seen before; the older list of lines is read as well (Q13)."""

    def __init__(self) -> None:
        self._system, self._container = _Entries(), _Text()

    def news(self, answer: Any) -> Iterator[str]:
        if isinstance(answer, list):
            yield from self._system.news(answer)
        elif isinstance(answer, dict):
            entries, text = answer.get("system"), answer.get("container")
            yield from self._system.news(entries if isinstance(entries, list) else [])
            if isinstance(text, list):
                text = "".join(f"{words.removesuffix(_END)}{_END}" for _, words in map(_entry, text))
            yield from self._container.news(text if isinstance(text, str) else "")

    def rest(self) -> Iterator[str]:
        return self._container.rest()


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
        return _text(time), _text(words)
    text = _text(entry)
    return None, text if text.endswith("\n") else f"{text}\n"


def _text(value: Any) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):  # thousands of digits or levels; the other lines count
        return safe_repr(value)
