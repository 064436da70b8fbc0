"""http.client's response, with strict framing.

http.client reads the head, and urllib3 the lines of chunks, from the file of the response. The file checks
them first.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any, ClassVar

from . import private_parts
from .chunks import ChunkLines
from .header_fields import OPTIONAL_SPACE
from .response_head import ResponseHead, read_head
from .socket_reader import ResponseFile
from .trace import Stage, current_trace

__all__ = ["DelimitedResponse", "StrictResponse"]


class StrictResponse(HTTPResponse):
    """Skips interim responses (1xx), and rejects ambiguous header fields and lengths.

    Args:
        sock: The connection.
        debuglevel: As `http.client.HTTPResponse`.
        method: The method of the request.
        url: As `http.client.HTTPResponse`.
    """

    #: Whether the end of the connection may end a body.
    accepts_end_of_connection: ClassVar[bool] = True

    def __init__(
        self, sock: Any, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        source: Any = _Source(
            sock, bodyless=method == "HEAD", accepts_end_of_connection=self.accepts_end_of_connection
        )
        super().__init__(source, debuglevel, method, url)
        self._source = source

    def begin(self) -> None:
        """Take the head from the file, which has parsed it; http.client would parse its fields again."""
        if self.headers is not None or not private_parts.HAS_BEGIN:
            super().begin()
            return
        head = self._source.file.read_head()
        self.code = self.status = head.status
        self.reason = head.reason
        self.version = head.version
        self.headers = self.msg = HTTPMessage()
        for name, value in head.fields.iteritems():
            self.headers[name] = value
        self.length, self.chunked, self.chunk_left = head.length, head.chunked, None
        self.will_close = head.ends_connection


class DelimitedResponse(StrictResponse):
    """Also rejects bodies that only the end of the connection ends, if that may be an attack."""

    accepts_end_of_connection = False


class _Source:
    """What http.client uses of a socket: a method that opens the file."""

    def __init__(self, sock: Any, *, bodyless: bool, accepts_end_of_connection: bool) -> None:
        self._sock = sock
        self._bodyless = bodyless
        self._accepts_end_of_connection = accepts_end_of_connection

    def makefile(self, mode: str) -> Any:
        if current_trace.get().stage is Stage.OPENING:  # a proxy's response to CONNECT has no body
            return ResponseFile(self._sock)
        self.file = _CheckedFile(
            self._sock, bodyless=self._bodyless, accepts_end_of_connection=self._accepts_end_of_connection
        )
        return self.file


class _CheckedFile(ResponseFile):
    """The file of a response whose lines are checked when they are read."""

    #: Keeps the socket open after its connection is closed. None after an interrupt of `__init__`.
    _open_file: Any = None

    def __init__(self, sock: Any, *, bodyless: bool, accepts_end_of_connection: bool) -> None:
        super().__init__(sock)
        self._open_file = sock.makefile("rb", 0)
        self._bodyless = bodyless
        self._accepts_end_of_connection = accepts_end_of_connection
        #: Lines that have been checked and not yet returned; None before the head.
        self._checked: Iterator[bytes] | None = None
        self._chunks: ChunkLines | None = None

    def readline(self, limit: int | None = -1, /) -> bytes:
        if self._checked is None:
            self._checked = _lines_of(self.read_head())
        line = next(self._checked, None)
        if line is not None:
            return line
        return super().readline(limit) if self._chunks is None else self._chunks.read()

    def read_head(self) -> ResponseHead:
        """Read the head; the lines of a chunked body come next."""
        self._checked = iter(())
        head = read_head(super().readline, bodyless=self._bodyless)
        if head.chunked:
            self._chunks = ChunkLines(super().readline)
        elif head.length is None and not self._accepts_end_of_connection:
            raise HTTPException("the end of the body cannot be told from a connection that was cut")
        return head

    def close(self) -> None:
        if not self.closed:
            super().close()
            if self._open_file is not None:
                self._open_file.close()


def _lines_of(head: ResponseHead) -> Iterator[bytes]:
    """The lines of a head as http.client reads them."""
    yield f"HTTP/1.{head.version % 10} {head.status} {head.reason}\r\n".encode("iso-8859-1")
    for name, value in head.fields.iteritems():
        yield f"{name}: {value.strip(OPTIONAL_SPACE)}\r\n".encode("iso-8859-1")
    yield b"\r\n"
    if head.length == 0:
        # http.client reads chunks that the fields of a response without a body declare.
        yield from (b"0\r\n", b"\r\n")
