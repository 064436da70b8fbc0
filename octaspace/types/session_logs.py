"""What a session wrote so far."""

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
    """One message of the platform about a session.

    Attributes:
        time: When; `ts` in the payload.
        message: What; `msg` in the payload. It may hold several lines.
        extra: What the API sent beside.
    """

    time: datetime | None = None
    message: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> LogEntry:
        """Read an entry of `system`. ValueError when it is not an object."""
        fields = Fields("LogEntry", data)
        return cls(time=fields.moment("ts"), message=fields.text("msg") or "", extra=fields.rest())


@dataclass(frozen=True, slots=True, repr=False)
class SessionLogs(Shape):
    """The answer of ``GET /services/:uuid/logs`` (Q13): everything so far, each time.

    Attributes:
        system: Messages of the platform.
        container: The container's own output, whole. Older answers are a list of lines, which tells no
            source and no times: all of it stands here.
        extra: What the API sent beside.
    """

    system: tuple[LogEntry, ...] = ()
    container: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any] | Sequence[str]) -> SessionLogs:
        """Read the answer of ``services.session(uuid).logs()``.

        Args:
            data: ``{"system": [{"ts": …, "msg": …}], "container": "…"}``, or the older list of strings.

        Raises:
            ValueError: It is neither.
        """
        if isinstance(data, (list, tuple)):
            return cls(container=joined("SessionLogs", data))
        fields = Fields("SessionLogs", data)
        return cls(
            system=fields.shapes("system", LogEntry.from_api),
            container=fields.text("container") or "",
            extra=fields.rest(),
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line: those of the platform first, then those of the container."""
        messages = (line for entry in self.system for line in split(entry.message))
        return (*messages, *split(self.container))
