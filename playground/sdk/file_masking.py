"""Takes the API key out of a file that is passed on."""

from __future__ import annotations

from typing import IO, Final

from octaspace.key_mask import KeyMask

__all__ = ["overwrite_key"]

_PIECE: Final = 1024 * 1024

#: Read again with the next piece: no spelling of a key is longer.
_OVERLAP: Final = 16 * 1024


def overwrite_key(content: IO[bytes], mask: KeyMask) -> None:
    """Write asterisks over the key wherever a file repeats it; its size stays as it is.

    Args:
        content: The file, to be read and written at any place.
        mask: Finds the key.
    """
    start, more = 0, bool(mask)
    while more:
        content.seek(start)
        piece = content.read(_PIECE)
        more = len(piece) == _PIECE
        for first, last in mask.spans(piece.decode("latin-1")):
            if more and last == len(piece):
                continue  # it may go on, and the next piece has it whole
            content.seek(start + first)
            content.write(b"*" * (last - first))
        start += len(piece) - _OVERLAP
