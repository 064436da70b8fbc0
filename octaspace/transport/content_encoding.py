"""Decode the content encoding of a body in chunks, with bounded memory and time.

Most versions of urllib3 expand a few kilobytes of gzip to gigabytes before a limit can be checked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from .header_fields import OPTIONAL_SPACE

__all__ = ["BodyError", "TruncatedBodyError", "decoded"]

#: Maximum number of bytes that one decompression step returns.
_PIECE: Final = 65536

#: More than any chain of servers would apply.
_MAX_CODINGS: Final = 4

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


class BodyError(Exception):
    """A complete body that cannot be decoded or exceeds a limit; the message gives the reason.

    Attributes:
        option: Name of the option whose limit it exceeds, or None.
    """

    def __init__(self, message: str, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class TruncatedBodyError(Exception):
    """The body ended before its encoding was complete."""


def decoded(chunks: Iterable[bytes], encoding: str, *, limit: int | None) -> Iterator[bytes]:
    """Decode a content encoding while the body is received.

    Args:
        chunks: The body as received.
        encoding: The value of `Content-Encoding`, empty for none.
        limit: Maximum number of bytes, of the body as received and after each decoding; None for no limit.

    Raises:
        BodyError: It exceeds the limit, is not valid in its encoding, or has one that was not requested.
        TruncatedBodyError: It ends too early.
    """
    codings = [part.strip(OPTIONAL_SPACE).lower() for part in encoding.split(",")]
    codings = [name for name in codings if name not in ("", "identity")]
    body = _bounded(chunks, limit)
    if len(codings) > _MAX_CODINGS or not _KNOWN.keys() >= set(codings):
        return _refused(body, encoding)
    for coding in reversed(codings):
        body = _bounded(_KNOWN[coding](body), limit)
    return body


def _refused(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Raise for a body with an unknown encoding, unless it is empty (204, HEAD)."""
    for chunk in chunks:
        if chunk:
            raise BodyError(f"the body has the content encoding {encoding[:80]!r}, which was not requested")
        yield chunk


def _bounded(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if limit is not None and size > limit:
            raise BodyError(f"the body is larger than max_response_bytes={limit}", "max_response_bytes")
        yield chunk


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode gzip. It may have several members; other data after the last one is padding."""
    member = zlib.decompressobj(_GZIP)
    ended = False  # whether the current member is complete
    begun = b""  # possible start of another member
    seen = False
    for chunk in chunks:
        seen = seen or bool(chunk)
        while chunk:
            if ended:
                begun += chunk
                if len(begun) < len(_GZIP_MAGIC) and _GZIP_MAGIC.startswith(begun):
                    break
                if not begun.startswith(_GZIP_MAGIC):
                    begun = b""
                    break
                chunk, begun, ended = begun, b"", False
                member = zlib.decompressobj(_GZIP)
            yield from _inflate(member, chunk, "gzip")
            ended = member.eof
            chunk = member.unused_data
    if seen and not ended:
        raise TruncatedBodyError("the body ended before its gzip encoding did")


def _undeflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decode deflate, which some servers send without the zlib wrapper that the standard requires."""
    stream = None
    head = b""
    for chunk in chunks:
        if stream is None:
            head += chunk
            if len(head) < 2:
                continue
            wrapped = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
            stream = zlib.decompressobj(_ZLIB if wrapped else _RAW_DEFLATE)
            chunk = head
        if not stream.eof:
            yield from _inflate(stream, chunk, "deflate")
    if head and (stream is None or not stream.eof):
        raise TruncatedBodyError("the body ended before its deflate encoding did")


def _inflate(stream: Any, data: bytes, name: str) -> Iterator[bytes]:
    """Feed a decompressor and yield its output in chunks."""
    while True:
        try:
            piece = stream.decompress(data, _PIECE)
        except zlib.error:
            raise BodyError(f"the body is not valid {name}") from None
        if piece:
            yield piece
        data = stream.unconsumed_tail
        if stream.eof or (not data and len(piece) < _PIECE):
            return


_KNOWN: Final = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _undeflate}
