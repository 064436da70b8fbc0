"""Ctrl-C at a chosen line of the SDK."""

from __future__ import annotations

import linecache
from dis import opname
from types import FrameType
from typing import Any

__all__ = ["Interrupting"]

#: Functions that handle the error of the block or Ctrl-C: a few lines without further protection.
_UNGUARDED = {"rental", "_end"}


class Interrupting:
    """A trace function that raises KeyboardInterrupt at the nth line that is run.

    Args:
        line: The number of the line, from 1.
        within: The modules whose lines count, as the beginnings of dotted names.

    Attributes:
        where: The interrupted line; empty if so many were not run.
    """

    def __init__(self, line: int, *, within: tuple[str, ...]) -> None:
        self.where = ""
        self._left = line
        self._within = within

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(self._within) or frame.f_code.co_name in _UNGUARDED:
            return None
        if event == "line" and not _leaves_with_block(frame):
            self._left -= 1
            if self._left == 0:
                self.where = f"{name}:{frame.f_lineno} in {frame.f_code.co_name}"
                raise KeyboardInterrupt
        return self


def _leaves_with_block(frame: FrameType) -> bool:
    """Whether `__exit__` of a ``with`` is called next. Python handles no signal before that call."""
    code = frame.f_code
    statement = linecache.getline(code.co_filename, frame.f_lineno).lstrip()
    return statement.startswith("with ") and opname[code.co_code[frame.f_lasti]] in _EXITS


#: The first instruction of the end of a block; the beginning loads the context manager.
_EXITS = {"LOAD_CONST", "NOP", "POP_BLOCK", "SWAP"}
