"""Log lines, as lists of them and as text."""

from __future__ import annotations

from collections.abc import Sequence

from ._fields import unexpected

__all__ = ["joined", "split"]


def split(text: str) -> tuple[str, ...]:
    """Its lines. Only line feeds end one: a log may hold every other character."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tuple(lines if lines[-1] else lines[:-1])


def joined(owner: str, lines: Sequence[object]) -> tuple[str, list[object]]:
    """One text of a list of lines, each of which may bring its own line end or not.

    Returns:
        The text of those that are strings, and the others.

    Raises:
        octaspace.UnexpectedShapeError: None of them is a string; `owner` is the type that says so.
    """
    parts = [line if line.endswith("\n") else f"{line}\n" for line in lines if isinstance(line, str)]
    if lines and not parts:
        raise unexpected(owner, "line 0", "a string", lines[0])
    return "".join(parts), [line for line in lines if not isinstance(line, str)]
