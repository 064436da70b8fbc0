"""The lines of a chunked body, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.client import HTTPException, LineTooLong
from typing import Final

from .header_fields import MAX_LINE

__all__ = ["ChunkLines"]

_MAX_TRAILERS: Final = 100

_SIZE: Final = re.compile(rb"[ \t]*[0-9a-fA-F]{1,16}[ \t]*")


class ChunkLines:
    """The lines with the sizes of the chunks, and those with the trailer fields after the last chunk.

    Args:
        readline: Reads a line of at most so many bytes.
    """

    def __init__(self, readline: Callable[[int], bytes]) -> None:
        self._readline = readline
        self._trailers: int | None = None  # number of trailer fields read; None before the last chunk

    def read(self) -> bytes:
        """Read the next line.

        Raises:
            http.client.HTTPException: It is malformed or too long, or the connection has ended.
        """
        line = self._readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise LineTooLong("chunk")
        if not line.endswith(b"\n"):
            raise HTTPException("the body ended before its last chunk")
        if self._trailers is not None:
            self._trailers += 1
            if self._trailers > _MAX_TRAILERS:
                raise HTTPException(f"more than {_MAX_TRAILERS} trailer fields")
        elif _parse_size(line) == 0:
            self._trailers = 0
        return b"\r\n" if line == b"\n" else line  # the only end of the trailers that urllib3 detects

    def read_size(self) -> int:
        """Read the size of the next chunk; after the last one, whose size is 0, read the trailer fields too.

        Raises:
            http.client.HTTPException: As `read`.
        """
        size = _parse_size(self.read())
        while size == 0 and self.read() != b"\r\n":
            pass
        return size


def _parse_size(line: bytes) -> int:
    size = line.rstrip(b"\r\n").partition(b";")[0]
    # int() would also accept signs, underscores and 0x; a negative size reads to the end.
    if not _SIZE.fullmatch(size):
        raise HTTPException("an invalid chunk size")
    return int(size, 16)
