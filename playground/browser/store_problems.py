"""What a page goes without because the store fails: it is shown above the page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from flask import g, has_request_context

from ..store import StoreError, StoreFullError

__all__ = ["Part", "StoreProblems", "note_store_problem", "store_problems", "unless_store_fails"]

_T = TypeVar("_T")

_log = logging.getLogger("playground")

#: A part of what the store holds, in the words of the page.
Part = Literal[
    "the settings of this browser",
    "the request log",
    "the history of the endpoints",
    "the figures of the other workers",
    "the outcome of the form",
    "the last balance and the objects for the search",
    "the rounds of the reaper",
    "whether it keeps what it has acknowledged",
    "the end of the draft",
]


@dataclass
class StoreProblems:
    """What is missing in the current page.

    Attributes:
        parts: What could not be read or written, in the order of its use.
        reason: What is wrong, for the log: it may name files and servers.
        advice: What to do, for the page; empty when waiting may help.
    """

    parts: list[Part] = field(default_factory=list)
    reason: str = ""
    advice: str = ""


def store_problems() -> StoreProblems:
    """What is missing in the current page so far."""
    found: StoreProblems = g.setdefault("store_problems", StoreProblems())
    return found


def note_store_problem(part: Part, error: StoreError) -> None:
    """Note that the current page goes without a part; in the thread of a job, log it."""
    if not has_request_context():
        _log.error("Without the store, %s is not available: %s", part, error)
        return
    problems = store_problems()
    if part not in problems.parts:
        problems.parts.append(part)
    problems.reason = problems.reason or str(error)
    problems.advice = problems.advice or error.advice


def unless_store_fails(part: Part, default: _T, use: Callable[[], _T]) -> _T:
    """What a function returns that uses the store; the default, and a note, when the store fails.

    Args:
        part: What the function reads or writes.
        default: What the page uses instead.
        use: The function.

    Raises:
        StoreFullError: A record has no space: that concerns one browser, not the store.
    """
    try:
        return use()
    except StoreFullError:
        raise
    except StoreError as error:
        note_store_problem(part, error)
        return default
