"""Message framing: http.client's response, strict where that one is lenient.

Lenient framing can result in a truncated body that looks complete, in the response to another request, or in
a client that reads forever. Here it raises `HTTPException`.
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
from .trace import POLL_INTERVAL, current_trace

__all__ = ["BODYLESS", "StrictResponse"]

#: Statuses of responses that never have a body, even if their header fields declare one.
BODYLESS: Final = frozenset({204, 304})

_MAX_INTERIM: Final = 32
_MAX_LINE: Final = 65536
_MAX_TRAILERS: Final = 100

#: The parser treats the fields after such a line as body, and the length may be among them.
_DEFECTS: Final = (
    FirstHeaderLineIsContinuationDefect,
    HeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
_CHUNK_SIZE: Final = re.compile(rb"[ \t]*[0-9a-fA-F]{1,16}[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class StrictResponse(HTTPResponse):
    """Skips interim responses (1xx), and rejects ambiguous header fields and lengths.

    Args:
        sock: The connection.
        args: As `http.client.HTTPResponse`.
        next_wait: Returns how many seconds the next wait for data may take, or raises `TimeoutError`. A
            socket timeout alone limits each wait and not their sum: a server that sends one byte a second
            would never time out. None keeps the socket's timeout.
        poll: Called repeatedly during a wait; an exception it raises ends the wait. None waits without calls.
        kwargs: As `http.client.HTTPResponse`.
    """

    fp: Any

    def __init__(
        self,
        sock: Any,
        *args: Any,
        next_wait: Callable[[], float | None] | None = None,
        poll: Callable[[], object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_SocketReader(sock, next_wait, poll), *args, **kwargs)  # type: ignore[arg-type]

    def _read_status(self) -> Any:
        # http.client skips only 100, without a limit, and treats every other 1xx as the final response.
        for _ in range(_MAX_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            read_header_fields(self.fp)
        raise HTTPException(f"more than {_MAX_INTERIM} interim responses (1xx)")

    def begin(self) -> None:
        """Read the status line and the header fields, like http.client but strictly."""
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
            self.length = _parse_length(lengths)
        if self.status in BODYLESS or self.status < 200 or self._method == "HEAD":
            # Regardless of the fields, which describe the body of another response.
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


def _parse_length(lengths: list[str]) -> int:
    values = {value.strip(OPTIONAL_SPACE) for value in lengths}
    if len(values) != 1:
        raise HTTPException("several different values of Content-Length")
    value = values.pop()
    if not _LENGTH.fullmatch(value):
        raise HTTPException("an invalid Content-Length")
    return int(value)


class _ChunkReader:
    """The file from which urllib3 reads a chunked body, line by line and chunk by chunk."""

    def __init__(self, fp: Any) -> None:
        self._fp = fp
        self._trailers: int | None = None  # number of trailer fields read; None before the last chunk

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._fp.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise LineTooLong("chunk")
        if not line.endswith(b"\n"):
            raise HTTPException("the body ended before its last chunk")
        if self._trailers is not None:
            self._trailers += 1
            if self._trailers > _MAX_TRAILERS:
                raise HTTPException(f"more than {_MAX_TRAILERS} trailer fields")
        else:
            size = line.rstrip(b"\r\n").partition(b";")[0]
            # int() would also accept signs, underscores and 0x; a negative size reads to the end.
            if not _CHUNK_SIZE.fullmatch(size):
                raise HTTPException("an invalid chunk size")
            if int(size, 16) == 0:
                self._trailers = 0
        return b"\r\n" if line == b"\n" else line  # the only end of the trailers that urllib3 detects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fp, name)


class _SocketReader(io.RawIOBase):
    """Reads from a socket until the response has ended."""

    def __init__(
        self,
        sock: Any,
        next_wait: Callable[[], float | None] | None,
        poll: Callable[[], object] | None,
    ) -> None:
        self._recv_into = sock.recv_into
        self._set_timeout = sock.settimeout
        self._next_wait = next_wait
        self._poll = poll
        self._open_file = sock.makefile("rb", 0)  # keeps the socket open after its connection is closed
        self.ended = False

    def makefile(self, mode: str) -> Any:
        """The only method of a socket that http.client uses here."""
        return _ResponseFile(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return None
        if self._poll is not None:
            return self._read_polling(buffer, self._poll)
        if self._next_wait is not None:
            self._set_timeout(self._next_wait())
        return self._recv_into(buffer)  # type: ignore[no-any-return]

    def _read_polling(self, buffer: Any, poll: Callable[[], object]) -> int:
        limit = None if self._next_wait is None else self._next_wait()
        end = None if limit is None else SYSTEM_CLOCK.monotonic() + limit
        while True:
            poll()
            left = POLL_INTERVAL if end is None else end - SYSTEM_CLOCK.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._set_timeout(min(left, POLL_INTERVAL))
            try:
                return self._recv_into(buffer)  # type: ignore[no-any-return]
            except TimeoutError:
                continue

    def close(self) -> None:
        if not self.closed:
            self._open_file.close()
            super().close()


class _ResponseFile(io.BufferedReader):
    """The file of one response. Bytes read beyond its end make the connection unusable."""

    raw: _SocketReader

    def close(self) -> None:
        if not self.raw.ended:
            self.raw.ended = True  # from here on `peek` does not wait for more
            trace = current_trace.get(None)
            if trace is not None and self.peek(1):
                trace.surplus = True
        super().close()
