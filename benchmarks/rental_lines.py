"""Count the lines that a rental runs through, and end the process with SIGKILL at one of them.

The lines are those of the ledger, of `rent()` and of the transport, in every thread of the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import octaspace

__all__ = ["BLOCK", "CODE", "PHASES", "REAPER_CODE", "Line", "Lines", "kill_here"]

_ROOT = str(Path(octaspace.__file__).parent) + os.sep

#: Where a rental may be killed: parts of paths below `octaspace`.
CODE = (
    "rentals/",
    "transport/",
    "resources/services/rent.py",
    "resources/services/recording.py",
    "resources/services/creation.py",
    "resources/services/creation_outcome.py",
    "resources/services/stopping.py",
    "resources/services/session.py",
)
#: Where a reaper may be killed.
REAPER_CODE = ("rentals/", "resources/services/stopping.py")

#: The parts of a rental, in their order.
PHASES = (
    "before the entry",
    "entry written, before the send",
    "between send and answer",
    "looking for its session",
    "answer known, not recorded",
    "in the block",
    "in the stop",
    "closing the entry",
    "after the stop",
)
BLOCK, _STOP, _AFTER = PHASES[5], PHASES[6], PHASES[8]


@dataclass(frozen=True)
class Line:
    """A line of the code, in one part of a rental.

    Attributes:
        place: ``file:number``, below `octaspace`.
        phase: One of `PHASES`.
    """

    place: str
    phase: str


class Lines:
    """Follows the lines of every thread while it is used as a context manager.

    Args:
        code: Parts of the paths to follow, e.g. `CODE`.
        on_line: Called at each line, with the line and how often the same line was reached before.

    Attributes:
        phase: The part of the rental; the owner sets it in the block, the code before and after sets it by
            itself.
    """

    def __init__(self, code: tuple[str, ...], on_line: Callable[[Line, int], object]) -> None:
        self.phase = PHASES[0]
        self._code, self._on_line = tuple(_ROOT + part for part in code), on_line
        self._reached: Counter[Line] = Counter()
        self._names: dict[str, str | None] = {}

    def __enter__(self) -> Lines:
        threading.settrace(self._call)
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]  # allowed since the beginning

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in self._names:
            self._names[name] = name.removeprefix(_ROOT) if name.startswith(self._code) else None
        if self._names[name] is None:
            return None
        self._advance(self._names[name] or "", frame.f_code.co_name, event)
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = self._names[frame.f_code.co_filename] or ""
        if event == "line":
            line = Line(f"{name}:{frame.f_lineno}", self.phase)
            before = self._reached[line]
            self._reached[line] += 1
            self._on_line(line, before)
        elif event == "return":
            self._advance(name, frame.f_code.co_name, event)
        return self._line

    def _advance(self, name: str, function: str, event: str) -> None:
        phase = self.phase
        if phase == PHASES[0] and event == "return" and name.endswith("_backend.py") and function == "add":
            self.phase = PHASES[1]
        elif event != "call":
            return
        elif phase == PHASES[1] and name == "transport/call.py":
            self.phase = PHASES[2]
        elif phase == PHASES[2] and function == "find_session":
            self.phase = PHASES[3]
        elif phase in PHASES[2:4] and (function == "check_creation" or function == "attach"):
            self.phase = PHASES[4]
        elif phase == _STOP and name == "rentals/held_rental.py" and function == "close":
            self.phase = PHASES[7]


def kill_here() -> None:
    """End this process as if its power was cut."""
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()
