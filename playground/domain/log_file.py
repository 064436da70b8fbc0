"""The log of a node, which the API sends as a file: its kind, and the lines of its beginning and end."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from typing import IO, Final

from octaspace.types._lines import split

from .log_lines import shown

__all__ = ["SHOWN_BYTES", "LogFile", "read_log_file", "suffix_of"]

#: Bytes that a page shows of the beginning, and of the end.
SHOWN_BYTES: Final = 64 * 1024

#: First bytes of archives, with the suffix of their file names.
_ARCHIVES: Final = (
    (b"\x1f\x8b", ".gz"),
    (b"PK\x03\x04", ".zip"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
)

#: Byte order marks, with the encodings that they stand for.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

#: Control characters that occur in logs: tab, line feed, form feed, carriage return, backspace, bell, escape.
_CONTROLS: Final = frozenset(b"\t\n\f\r\b\a\x1b")

#: Share of other control characters, and of bytes that are not UTF-8, from which a file is not text.
_MAX_CONTROLS: Final = 0.02
_MAX_FOREIGN: Final = 0.3


@dataclass(frozen=True)
class LogFile:
    """A log as a page shows it.

    Attributes:
        size: Its size in bytes.
        suffix: ``.log`` for text; for anything else the suffix of its kind, such as ``.zip`` or ``.bin``.
        start: Lines of its beginning, without terminal escape sequences; all lines of a short log.
        end: Lines of its end; empty if `start` has all lines.
        left_out: Bytes between them.
    """

    size: int
    suffix: str
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def is_text(self) -> bool:
        return self.suffix == ".log"


def read_log_file(file: IO[bytes]) -> LogFile:
    """Read the beginning and the end of a file.

    Args:
        file: The file; it must be readable and seekable.
    """
    size = file.seek(0, os.SEEK_END)
    suffix = suffix_of(file)
    if suffix != ".log":
        return LogFile(size, suffix)
    file.seek(0)
    is_whole = size <= 2 * SHOWN_BYTES
    head = file.read(2 * SHOWN_BYTES if is_whole else SHOWN_BYTES)
    encoding = _encoding(head)
    start = head.decode(encoding, "replace").removeprefix("\ufeff")
    if is_whole:
        return LogFile(size, suffix, _lines(start))
    # A multiple of two, so that no character of UTF-16 is cut.
    at = size - SHOWN_BYTES + size % 2
    file.seek(at)
    end = file.read().decode(encoding, "replace")
    # The last line of the beginning and the first one of the end are cut, unless they are all there is.
    start = start[: start.rfind("\n") + 1] or start
    end = end.partition("\n")[2] or end
    return LogFile(size, suffix, _lines(start), _lines(end), at - SHOWN_BYTES)


def suffix_of(file: IO[bytes]) -> str:
    """The suffix of the file name for a log: ``.log`` for text."""
    file.seek(0)
    sample = file.read(SHOWN_BYTES)
    file.seek(0)
    for start, suffix in _ARCHIVES:
        if sample.startswith(start):
            return suffix
    return ".log" if _is_text(sample) else ".bin"


def _lines(text: str) -> tuple[str, ...]:
    return tuple(shown(line) for line in split(text)) if text else ()


def _encoding(sample: bytes) -> str:
    return next((name for mark, name in _MARKS if sample.startswith(mark)), "utf-8")


def _is_text(sample: bytes) -> bool:
    """Whether a sample is text: UTF-8, UTF-16 with a byte order mark, or mostly ASCII."""
    if _encoding(sample).startswith("utf-16"):
        return True
    if b"\0" in sample:
        return False
    allowed = max(1, len(sample))
    controls = sum(byte < 0x20 and byte not in _CONTROLS for byte in sample)
    foreign = sample.decode("utf-8", "replace").count("\ufffd")
    return controls <= _MAX_CONTROLS * allowed and foreign <= _MAX_FOREIGN * allowed
