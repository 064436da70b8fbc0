"""Where an answer begins and ends: http.client's response, strict where that one is lenient.

What is lenient there ends in a body cut short that looks whole, in the answer to another request, or in
a client that reads forever. Here it ends in an `HTTPException`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    HeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPException, HTTPResponse, LineTooLong, UnknownProtocol
from typing import Any, Final

from .clock import SYSTEM_CLOCK
from .header_fields import OPTIONAL_SPACE, read_header_fields
from .trace import BETWEEN_LOOKS, current_trace

__all__ = ["BODYLESS", "StrictResponse"]

#: Statuses of answers that never have a body, also where a server announces one.
BODYLESS: Final = frozenset({204, 304})

_MAX_INTERIM: Final = 32
_MAX_LINE: Final = 65536
_MAX_TRAILERS: Final = 100

#: The parser takes the fields after such a line for a body, and the length may be among them.
_DEFECTS: Final = (
    FirstHeaderLineIsContinuationDefect,
    HeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
_CHUNK_SIZE: Final = re.compile(rb"[ \t]*[0-9a-fA-F]{1,16}[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class StrictResponse(HTTPResponse):
    """Skips interim answers (1xx), and refuses header fields and lengths that leave anything open.

    Args:
        sock: The connection.
        args: As `http.client.HTTPResponse`.
        next_wait: Returns how many seconds the next wait for data may take, or raises `TimeoutError`. A
            socket timeout alone bounds each wait and not their sum: a server that sends one byte a second
            would never time out. None leaves the socket's own timeout.
        look: Called between two pieces of a wait; what it raises ends the wait. None waits in one piece.
        kwargs: As `http.client.HTTPResponse`.
    """

    fp: Any

    def __init__(
        self,
        sock: Any,
        *args: Any,
        next_wait: Callable[[], float | None] | None = None,
        look: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_SocketReader(sock, next_wait, look), *args, **kwargs)  # type: ignore[arg-type]

    def _read_status(self) -> Any:
        # http.client skips 100 only, any number of them, and takes every other 1xx for the answer.
        for _ in range(_MAX_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            read_header_fields(self.fp)
        raise HTTPException(f"more than {_MAX_INTERIM} interim answers (1xx)")

    def begin(self) -> None:
        """Read the head. As http.client does, but for the strictness and for how fields are read."""
        if self.headers is not None:
            return
        version, self.status, reason = self._read_status()
        self.code, self.reason = self.status, reason.strip(OPTIONAL_SPACE)
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.headers = self.msg = headers = read_header_fields(self.fp)
        if any(isinstance(defect, _DEFECTS) for defect in headers.defects):
            raise HTTPException("malformed header fields")
        lengths = headers.get_all("Content-Length")
        codings = headers.get_all("Transfer-Encoding")
        self.chunked = codings is not None
        self.length = None
        if codings is not None:
            _check_chunked(codings, lengths)
        elif lengths is not None:
            self.length = _the_length(lengths)
        if self.status in BODYLESS or self.status < 200 or self._method == "HEAD":
            # Whatever the fields say: they tell of a body that another answer would have had.
            self.length, self.chunked = 0, False
        elif self.chunked:
            self.fp = _ChunkReader(self.fp)
            self.chunk_left = None
        ends_with_connection = not self.chunked and self.length is None
        self.will_close = ends_with_connection or self._check_close()


def _check_chunked(codings: list[str], lengths: list[str] | None) -> None:
    if lengths is not None:
        raise HTTPException("both Content-Length and Transfer-Encoding")
    if [coding.strip(OPTIONAL_SPACE).lower() for coding in codings] != ["chunked"]:
        raise HTTPException("a Transfer-Encoding other than chunked")


def _the_length(lengths: list[str]) -> int:
    values = {value.strip(OPTIONAL_SPACE) for value in lengths}
    if len(values) != 1:
        raise HTTPException("several different values of Content-Length")
    value = values.pop()
    if not _LENGTH.fullmatch(value):
        raise HTTPException("a Content-Length that is no length")
    return int(value)


class _ChunkReader:
    """The file a chunked body is read from, line by line and chunk by chunk, by urllib3."""

    def __init__(self, fp: Any) -> None:
        self._fp = fp
        self._trailers: int | None = None  # how many were read, once the last chunk was

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._fp.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise LineTooLong("chunk")
        if not line.endswith(b"\n"):
            raise HTTPException("the body ended before its last chunk did")
        if self._trailers is not None:
            self._trailers += 1
            if self._trailers > _MAX_TRAILERS:
                raise HTTPException(f"more than {_MAX_TRAILERS} trailer fields")
        else:
            size = line.rstrip(b"\r\n").partition(b";")[0]
            # int() would also take signs, underscores and 0x; a negative size reads to the end.
            if not _CHUNK_SIZE.fullmatch(size):
                raise HTTPException("a chunk size that is no size")
            if int(size, 16) == 0:
                self._trailers = 0
        return b"\r\n" if line == b"\n" else line  # urllib3 knows the end of the trailers by this alone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fp, name)


class _SocketReader(io.RawIOBase):
    """Reads from a socket until it is told that the answer has ended."""

    def __init__(
        self,
        sock: Any,
        next_wait: Callable[[], float | None] | None,
        look: Callable[[], object] | None,
    ) -> None:
        self._recv_into = sock.recv_into
        self._set_timeout = sock.settimeout
        self._next_wait = next_wait
        self._look = look
        self._open_file = sock.makefile("rb", 0)  # as long as it is open, the socket outlives its connection
        self.ended = False

    def makefile(self, mode: str) -> Any:
        """What http.client asks the socket for, and all that it asks it for."""
        return _AnswerFile(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return None
        if self._look is not None:
            return self._read_watched(buffer, self._look)
        if self._next_wait is not None:
            self._set_timeout(self._next_wait())
        return self._recv_into(buffer)  # type: ignore[no-any-return]

    def _read_watched(self, buffer: Any, look: Callable[[], object]) -> int:
        limit = None if self._next_wait is None else self._next_wait()
        end = None if limit is None else SYSTEM_CLOCK.monotonic() + limit
        while True:
            look()
            left = BETWEEN_LOOKS if end is None else end - SYSTEM_CLOCK.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._set_timeout(min(left, BETWEEN_LOOKS))
            try:
                return self._recv_into(buffer)  # type: ignore[no-any-return]
            except TimeoutError:
                continue

    def close(self) -> None:
        if not self.closed:
            self._open_file.close()
            super().close()


class _AnswerFile(io.BufferedReader):
    """The file of one answer. Bytes that it has read beyond the answer's end make the connection unusable."""

    raw: _SocketReader

    def close(self) -> None:
        if not self.raw.ended:
            self.raw.ended = True  # from here on a look into the buffer does not wait for more
            trace = current_trace.get(None)
            if trace is not None and self.peek(1):
                trace.surplus = True
        super().close()
