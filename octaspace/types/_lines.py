"""Conversion between log text and lists of lines."""

from __future__ import annotations

from collections.abc import Sequence

from ._unexpected import unexpected

__all__ = ["joined", "split"]


def split(text: str) -> tuple[str, ...]:
    """Split a text into lines. Only line feeds end a line: a log may contain any other character."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tuple(lines if lines[-1] else lines[:-1])


def joined(owner: str, lines: Sequence[object]) -> tuple[str, list[object]]:
    """Join a list of lines, each with or without a line ending, to one text.

    Returns:
        The text of the lines that are strings, and the other entries.

    Raises:
        octaspace.UnexpectedShapeError: None of them is a string; `owner` is the type named in the message.
    """
    parts = [line if line.endswith("\n") else f"{line}\n" for line in lines if isinstance(line, str)]
    if lines and not parts:
        raise unexpected(owner, "line 0", "a string", lines[0])
    return "".join(parts), [line for line in lines if not isinstance(line, str)]
