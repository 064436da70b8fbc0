"""Masks the API key in a downloaded file."""

from __future__ import annotations

from typing import IO, Final

from octaspace.key_mask import KeyMask

__all__ = ["overwrite_key"]

_CHUNK: Final = 1024 * 1024

#: Bytes that are read again with the next chunk; no encoding of a key is longer.
_OVERLAP: Final = 16 * 1024


def overwrite_key(content: IO[bytes], mask: KeyMask) -> None:
    """Overwrite the key with asterisks wherever a file contains it. The size does not change.

    Args:
        content: The file; it must be readable, writable and seekable.
        mask: Finds the key.
    """
    start, more = 0, bool(mask)
    while more:
        content.seek(start)
        chunk = content.read(_CHUNK)
        more = len(chunk) == _CHUNK
        for first, last in mask.spans(chunk.decode("latin-1")):
            if more and last == len(chunk):
                continue  # it may continue; the next chunk contains the whole key
            content.seek(start + first)
            content.write(b"*" * (last - first))
        start += len(chunk) - _OVERLAP
