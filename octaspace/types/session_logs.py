"""The logs of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._fields import Fields
from ._lines import joined, split
from ._shape import Shape

__all__ = ["LogEntry", "SessionLogs"]


@dataclass(frozen=True, slots=True, repr=False)
class LogEntry(Shape):
    """A message of the platform about a session.

    Attributes:
        time: Time; `ts` in the payload, or `timestamp` in an older shape (Q13).
        message: Text; `msg` in the payload, or `message`. It may contain several lines.
        extra: Other fields that the API sent.
    """

    time: datetime | None = None
    message: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> LogEntry:
        """Read an entry of `system`.

        Raises:
            octaspace.UnexpectedShapeError: It is not an object.
        """
        fields = Fields("LogEntry", data)
        return cls(
            time=fields.moment("ts") or fields.moment("timestamp"),
            message=fields.text("msg") or fields.text("message") or "",
            extra=fields.rest(),
        )


@dataclass(frozen=True, slots=True, repr=False)
class SessionLogs(Shape):
    """The answer of ``GET /services/:uuid/logs`` (Q13): always the complete logs so far.

    Attributes:
        system: Messages of the platform.
        container: The complete output of the container, also from a list of lines. An older answer is a list
            of lines without sources and times, which are all in this attribute. Another older answer is a
            list of messages with times, which are in `system`.
        extra: Other fields that the API sent, and a list in which an entry cannot be read; if the answer is
            a list, these entries, under ``"entries"``.
    """

    system: tuple[LogEntry, ...] = ()
    container: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any] | Sequence[str]) -> SessionLogs:
        """Read the answer of ``services.session(uuid).logs()``.

        Args:
            data: ``{"system": [{"ts": …, "msg": …}], "container": "…"}``, or an older list, of strings or of
                ``{"timestamp": …, "message": …}``.

        Raises:
            octaspace.UnexpectedShapeError: It is none of these.
        """
        if isinstance(data, (list, tuple)):
            if any(map(_is_message, data)):
                entries = [(value, _entry(value)) for value in data]
                unread = [value for value, entry in entries if entry is None]
                return cls(
                    system=tuple(entry for _, entry in entries if entry is not None),
                    extra={"entries": unread} if unread else {},
                )
            text, others = joined("SessionLogs", data)
            return cls(container=text, extra={"entries": others} if others else {})
        fields = Fields("SessionLogs", data)
        return cls(system=fields.items("system", _entry), container=_output(fields), extra=fields.rest())

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines: first those of the platform, then those of the container."""
        messages = (line for entry in self.system for line in split(entry.message))
        return (*messages, *split(self.container))


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(value.get(name), str) for name in ("msg", "message"))


def _entry(value: Any) -> LogEntry | None:
    """Read an entry of `system`; a string is a message without a time."""
    if isinstance(value, Mapping):
        return LogEntry.from_api(value)
    return LogEntry(message=value) if isinstance(value, str) else None


def _output(fields: Fields) -> str:
    """Read the container's output from text or from a list of lines."""
    value = fields.value("container")
    if not isinstance(value, (list, tuple)):
        return fields.text("container") or ""
    lines = [line for line in value if isinstance(line, str)]
    if len(lines) == len(value):
        fields.drop("container")
    return joined("SessionLogs", lines)[0]
