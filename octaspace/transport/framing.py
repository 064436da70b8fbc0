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
from http.client import (
    BadStatusLine,
    HTTPException,
    HTTPResponse,
    LineTooLong,
    RemoteDisconnected,
    UnknownProtocol,
)
from typing import Any, Final

from .clock import SYSTEM_CLOCK
from .header_fields import OPTIONAL_SPACE, parse_fields, read_field_lines
from .trace import POLL_INTERVAL, Stage, Trace, current_trace

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
_STATUS: Final = re.compile(r"[1-9][0-9]{2}")
_CHUNK_SIZE: Final = re.compile(rb"[ \t]*[0-9a-fA-F]{1,16}[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class StrictResponse(HTTPResponse):
    """Skips interim responses (1xx), and rejects ambiguous header fields and lengths.

    Each of its waits for data is within the limits of the current trace. A socket timeout alone limits each
    wait and not their sum: a server that sends one byte a second would never time out.

    Args:
        sock: The connection.
        debuglevel: As `http.client.HTTPResponse`.
        method: The method of the request.
        url: As `http.client.HTTPResponse`.
    """

    fp: Any

    def __init__(
        self, sock: Any, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        reader: Any = _SocketReader(sock, current_trace.get())
        super().__init__(reader, debuglevel, method, url)
        self._bodyless_method = method == "HEAD"

    def begin(self) -> None:
        """Read the status line and the header fields, like http.client but strictly."""
        if self.headers is not None:
            return
        for _ in range(_MAX_INTERIM + 1):
            version, status, reason = _read_status_line(self.fp)
            lines = read_field_lines(self.fp)
            # http.client skips only 100, without a limit, and treats every other 1xx as the final response.
            if status == 101 or not 100 <= status < 200:
                break
        else:
            raise HTTPException(f"more than {_MAX_INTERIM} interim responses (1xx)")
        self.code = self.status = status
        self.reason = reason
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        headers: Any = self.parse_lines(lines)
        self.headers = self.msg = headers
        lengths = headers.get_all("Content-Length")
        codings = headers.get_all("Transfer-Encoding")
        self.chunked = bool(codings)
        self.length = None
        if codings:
            _check_chunked(codings, lengths)
        elif lengths:
            self.length = _parse_length(lengths)
        if status in BODYLESS or status < 200 or self._bodyless_method:
            # Regardless of the fields, which describe the body of another response.
            self.length, self.chunked = 0, False
        elif self.chunked:
            self.fp = _ChunkReader(self.fp)
            self.chunk_left = None
        ends_with_connection = not self.chunked and self.length is None
        self.will_close = ends_with_connection or _ends_connection(self.version, headers)

    def parse_lines(self, lines: list[bytes]) -> Any:
        """Parse the lines of the header fields.

        Returns:
            A mapping with `get_all`.

        Raises:
            http.client.HTTPException: They are ambiguous.
        """
        fields = parse_fields(lines)
        if any(isinstance(defect, _DEFECTS) for defect in fields.defects):
            raise HTTPException("malformed header fields")
        return fields


def _read_status_line(fp: Any) -> tuple[str, int, str]:
    """Read the protocol version, the status and the reason."""
    line = fp.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise LineTooLong("status line")
    if not line:
        raise RemoteDisconnected("Remote end closed connection without response")
    text = line.decode("iso-8859-1")
    version, _, rest = text.strip().partition(" ")
    status, _, reason = rest.strip(OPTIONAL_SPACE).partition(" ")
    if not version.startswith("HTTP/") or not _STATUS.fullmatch(status):
        raise BadStatusLine(text)
    return version, int(status), reason.strip(OPTIONAL_SPACE)


def _ends_connection(version: int, headers: Any) -> bool:
    """Whether the connection cannot be used for another request."""
    connection = (headers.get("Connection") or "").lower()
    if version == 11:
        return "close" in connection
    proxy = (headers.get("Proxy-Connection") or "").lower()
    return not headers.get("Keep-Alive") and "keep-alive" not in connection and "keep-alive" not in proxy


def _check_chunked(codings: list[str], lengths: list[str] | None) -> None:
    if lengths:
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
    """Reads from a socket until the response has ended, within the limits of an attempt."""

    def __init__(self, sock: Any, trace: Trace) -> None:
        self._recv_into = sock.recv_into
        self._set_timeout = sock.settimeout
        #: Returns how many seconds the next wait may take; None keeps the timeout of the socket.
        self._next_wait: Callable[[], float | None] | None = None
        #: Called repeatedly during a wait; an exception it raises ends the wait.
        self._poll: Callable[[], object] | None = None
        if trace.stage is Stage.OPENING:  # a proxy's response to CONNECT counts as opening
            self._next_wait = trace.next_opening_wait
        elif trace.has_limits:
            self._next_wait = trace.next_reading_wait
            self._poll = trace.poll if trace.is_polled else None
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
