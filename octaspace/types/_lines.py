"""Log lines, as lists of them and as text."""

from __future__ import annotations

from collections.abc import Iterable

from ..shown import shown

__all__ = ["joined", "split"]


def split(text: str) -> tuple[str, ...]:
    """Its lines. Only line feeds end one: a log may hold every other character."""
    lines = text.replace("\r\n", "\n").split("\n")
    return tuple(lines if lines[-1] else lines[:-1])


def joined(owner: str, lines: Iterable[object]) -> str:
    """One text of a list of lines, each of which may bring its own line end or not.

    Raises:
        ValueError: A line is not a string; `owner` is the type that says so.
    """
    parts: list[str] = []
    for number, line in enumerate(lines):
        if not isinstance(line, str):
            raise ValueError(f"{owner}.from_api: line {number} must be a string, not {shown(line)}")
        parts.append(line if line.endswith("\n") else f"{line}\n")
    return "".join(parts)
