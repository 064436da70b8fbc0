"""Undoing a body's content encoding, piece by piece, in bounded memory and bounded time.

urllib3 could do it, but in most of its versions a few kilobytes of gzip become gigabytes before anybody is
asked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from .header_fields import OPTIONAL_SPACE

__all__ = ["BodyError", "TruncatedBodyError", "decoded"]

#: The most that one step of decompression brings into memory.
_PIECE: Final = 65536

#: More than one server in a row would wrap a body.
_MAX_CODINGS: Final = 4

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS


class BodyError(Exception):
    """The body came whole and cannot be taken; the message says why.

    Attributes:
        option: Name of the option whose limit it is over, or None.
    """

    def __init__(self, message: str, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class TruncatedBodyError(Exception):
    """The body ended before its encoding did."""


def decoded(chunks: Iterable[bytes], encoding: str, *, limit: int | None) -> Iterator[bytes]:
    """Undo a content encoding while the body comes in.

    Args:
        chunks: The body as it came.
        encoding: The value of `Content-Encoding`, empty for none.
        limit: Most bytes to take, of the body as it came and after each decoding; None for any number.

    Raises:
        BodyError: It is larger, not what its encoding says, or encoded in a way that was not asked for.
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
    """Nothing can be made of such a body; where there is none (204, HEAD), nothing is missing."""
    for chunk in chunks:
        if chunk:
            raise BodyError(f"the body has the content encoding {encoding[:80]!r}, which was not asked for")
        yield chunk


def _bounded(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if limit is not None and size > limit:
            raise BodyError(f"the body is larger than max_response_bytes={limit}", "max_response_bytes")
        yield chunk


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip. It may have several members; what follows the last and is none is padding."""
    member = zlib.decompressobj(_GZIP)
    ended = False  # the last member that was begun
    begun = b""  # what may become the head of a further one
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
    """Undo deflate, which some servers send without the zlib wrapper that the standard asks for."""
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


def _inflate(stream: zlib._Decompress, data: bytes, name: str) -> Iterator[bytes]:
    """Feed a decompressor, and take what it has in pieces."""
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
