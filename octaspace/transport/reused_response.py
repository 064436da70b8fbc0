"""A response on a reused connection, with what the SDK and requests use of urllib3's."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import IncompleteRead
from typing import Any, Final

from .chunks import ChunkLines
from .response_head import ResponseHead
from .socket_reader import ResponseFile

__all__ = ["ReusedResponse"]

#: Bytes that are read at a time of a chunk, which may declare any size.
_PIECE: Final = 1 << 20


class ReusedResponse:
    """Reads the body as it is on the wire, without decoding it.

    Args:
        head: The head.
        file: The file, from which the head has been read.
        connection: The connection.
        pool: The urllib3 pool to return the connection to.

    Attributes:
        status: The status code.
        reason: The reason phrase.
        version: 10 or 11.
        headers: The header fields.
        length_remaining: Bytes of the body that have not been read; None if unknown.
    """

    def __init__(self, head: ResponseHead, file: ResponseFile, connection: Any, pool: Any) -> None:
        self.status = head.status
        self.reason = head.reason
        self.version = head.version
        self.headers = head.fields
        self.length_remaining = head.length
        self._file = file
        self._connection = connection
        self._pool = pool
        self._ends_connection = head.ends_connection
        self._chunks = ChunkLines(file.readline) if head.chunked else None
        #: Bytes of the current chunk that have not been read.
        self._chunk_left = 0
        if head.length == 0:
            file.close()

    @property
    def closed(self) -> bool:
        """Whether the body has been read, or closed."""
        return self._file.closed

    def read(self, amt: int | None = None, decode_content: bool = False) -> bytes:
        """Read the body, or its next part.

        Args:
            amt: The maximum number of bytes; None for all.
            decode_content: Not used.

        Returns:
            b"" at the end.

        Raises:
            OSError: The connection failed, or a limit was reached.
            http.client.HTTPException: The body is incomplete or malformed.
        """
        if self._file.closed:
            return b""
        if self._chunks is not None:
            return self._read_chunks(self._chunks, amt)
        if self.length_remaining is None:
            body = self._file.read(amt)
            if amt is None or not body:
                self._file.close()
            return body
        left = self.length_remaining
        body = self._read_exactly(left if amt is None else min(amt, left), left)
        self.length_remaining -= len(body)
        if not self.length_remaining:
            self._file.close()
        return body

    def _read_exactly(self, size: int, left: int) -> bytes:
        """Read so many bytes of the `left` ones."""
        part = self._file.read(size)
        if len(part) < size:
            self._file.close()
            raise IncompleteRead(part, left - len(part))
        return part

    def _read_chunks(self, lines: ChunkLines, amt: int | None) -> bytes:
        """Read all chunks, or a part of the current one."""
        parts = []
        while not self._file.closed:
            if not self._chunk_left:
                self._chunk_left = lines.read_size()
                if not self._chunk_left:
                    self._file.close()
                    break
            size = min(self._chunk_left, _PIECE if amt is None else amt)
            parts.append(self._read_exactly(size, self._chunk_left))
            self._chunk_left -= size
            if not self._chunk_left:
                self._read_exactly(2, 2)  # the line break; urllib3 does not check it either
            if amt is not None:
                break
        return b"".join(parts)

    def stream(self, amt: int, decode_content: bool = False) -> Iterator[bytes]:
        """Read the body in parts of at most so many bytes."""
        while part := self.read(amt):
            yield part

    def release_conn(self) -> None:
        """Return the connection to its pool."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        idle = self._pool.pool
        if self._ends_connection or not self._file.closed or idle is None:
            connection.close()
        else:
            idle.put(connection)

    def close(self) -> None:
        """Close the response, and the connection if it was not released."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._file.close()
