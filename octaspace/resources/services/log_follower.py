"""Follow a session's logs: each answer contains the whole log, each line is yielded once."""

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

#: Requests the logs with a timeout in seconds, or None for no limit. True requests those of an ended session
#: (Q13).
ReadLogs = Callable[["bool | None", "float | None"], Any]
#: Requests the session's info with a timeout in seconds.
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
        read: Requests the logs.
        info: Requests the session's info.
        clock: Provides the time, pauses, and whether the client is closed.
        interval: Seconds between two requests.
        timeout: Seconds in total, or None.
        on_idle: Called after each request that returned no new line.
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
            # A log that exceeds the size limit does not get shorter.
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
    """One session, polled until it ends.

    Attributes:
        is_over: Whether it has ended and the rest of its log was read.
    """

    def __init__(self, read: ReadLogs, info: ReadInfo, clock: RequestSender, end: float) -> None:
        self._read, self._info = read, info
        self._clock, self._end = clock, end
        self._known = self._ended = self.is_over = False

    def look(self) -> Iterator[Any]:
        """Yield the logs as the API returns them and, once the session has ended, its final log."""
        if not self._ended:
            try:
                answer = self._read(None, self._left())
            except errors.NotFoundError:
                self._ended = True  # the logs of an ended session need recent=true
            else:
                self._known = True
                yield answer
                # Requested after the logs, so that lines written until the end are in the next answer.
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
    """Yields the new lines of each answer; also reads the older list of lines (Q13)."""

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
    """Yields the new lines of the system's log."""

    def __init__(self) -> None:
        self._seen: list[tuple[str | None, str]] = []

    def news(self, answer: list[Any]) -> Iterator[str]:
        lines = [(time, line) for time, message in map(_entry, answer) for line in split(message)]
        # An empty answer (of an ended session) or a shorter one (of an endpoint that lags behind) does not
        # change what was seen.
        if lines == self._seen[: len(lines)]:
            return
        fresh = new_entries(self._seen, lines)
        self._seen = lines
        for _, line in fresh:
            yield line


class _Text:
    """Yields the new lines of a text that grows and may lose its beginning when it is long."""

    def __init__(self) -> None:
        self._seen = ""
        self._open = ""  # the last line, while it is unfinished

    def news(self, text: str) -> Iterator[str]:
        if self._seen.startswith(text):
            return
        known = overlap_of_texts(self._seen, text)
        if not known:  # the end of the unfinished line is lost
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
    """Return time and message, under any of their names.

    The older shape (Q13) has lines only; an empty string is an empty line.
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
    except (ValueError, RecursionError):  # thousands of digits or levels; keep the other lines
        return safe_repr(value)
