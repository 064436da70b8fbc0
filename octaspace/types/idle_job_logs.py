"""The logs of an idle job, decoded from any of their formats (Q11)."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from ..errors import UnexpectedShapeError
from ..safe_repr import excerpt, safe_repr
from . import _coerce
from ._fields import Fields
from ._lines import joined, split
from ._shape import Shape

__all__ = ["MAX_UNPACKED_BYTES", "IdleJobLogs"]

#: Default of the `max_bytes` argument of `from_api`: 16 MiB.
MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024

_OWNER: Final = "IdleJobLogs"

_WHITE_SPACE: Final = b" \t\r\n\v\f"


@dataclass(frozen=True, slots=True, repr=False)
class IdleJobLogs(Shape):
    """The answer of ``GET /idle_jobs/:node_id/:job_id/logs``.

    Attributes:
        text: The log. Bytes that are not UTF-8 are replaced by U+FFFD.
        extra: Other fields that the API sent, and a list in which a line cannot be read.
    """

    text: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_api(
        cls, data: Mapping[str, Any] | Sequence[str], *, max_bytes: int = MAX_UNPACKED_BYTES
    ) -> IdleJobLogs:
        """Read the answer of ``idle_jobs.logs()``.

        Args:
            data: ``{"data": "…"}`` with base64 of gzip of text, ``{"data": [{"line": 1, "text": "…"}]}``,
                or a list, of strings or of such lines.
            max_bytes: Maximum size of an unpacked log. A few kilobytes can unpack to gigabytes, so
                unpacking stops at this limit and no more is ever in memory.

        Raises:
            octaspace.UnexpectedShapeError: It is none of these, cannot be unpacked, or unpacks to more
                than `max_bytes`.
            ValueError: `max_bytes` is not a number of bytes above 0.
        """
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1:
            raise ValueError(f"max_bytes must be a number of bytes above 0, not {safe_repr(max_bytes)}")
        if isinstance(data, (list, tuple)):
            text, unread = joined(_OWNER, _lines(data))
            return cls(text=text, extra={"data": data} if unread else {})
        fields = Fields(_OWNER, data)
        content = fields.require("data", _content, "base64 text or a list of lines")
        if isinstance(content, str):
            return cls(text=_unpacked(content, max_bytes), extra=fields.rest())
        text, unread = joined(_OWNER, content)
        return cls(
            text=text, extra={**fields.rest(), "data": fields.value("data")} if unread else fields.rest()
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the log."""
        return split(self.text)


def _content(value: Any) -> str | list[Any] | None:
    return _lines(value) if isinstance(value, (list, tuple)) else _coerce.text(value)


def _lines(value: Sequence[Any]) -> list[Any]:
    return [entry.get("text") if isinstance(entry, Mapping) else entry for entry in value]


def _unpacked(packed: str, limit: int) -> str:
    """Return the text in base64 of gzip; more than `limit` bytes are an error."""
    if not packed.strip():
        return ""
    try:
        archive = base64.b64decode(packed.encode().translate(None, _WHITE_SPACE), validate=True)
        with gzip.GzipFile(fileobj=BytesIO(archive)) as file:
            content = file.read(limit + 1)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise _fault(f"data must be base64 of gzip: {error}", packed) from None
    if len(content) > limit:
        raise _fault(f"data unpacks to more than {limit} bytes; raise max_bytes= to allow more", packed)
    return content.decode("utf-8", "replace")


def _fault(words: str, packed: str) -> UnexpectedShapeError:
    return UnexpectedShapeError(
        f"{_OWNER}.from_api: {words}", type_name=_OWNER, field="data", value=excerpt(packed)
    )
