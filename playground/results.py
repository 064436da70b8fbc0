"""What a method of the SDK gives: waited for, followed, opened and closed, as its kind asks for."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, Final, Protocol

from octaspace import Client

from .lines import Line
from .methods import Method
from .recording import blaming_the_answer

__all__ = ["Listener", "Nobody", "result_of", "shape_of"]

#: When following a log ends by itself.
_MOST_LINES: Final = 1000
_MOST_SECONDS: Final = 120.0


class Listener(Protocol):
    """Hears how far a call is, and may ask it to stop."""

    def tell(self, **state: Any) -> None:
        """Hear what is known now."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the call is to stop."""
        ...


class Nobody:
    """A `Listener` that is told in silence and never asks to stop."""

    def tell(self, **state: Any) -> None:
        """Hear what is known now."""

    @property
    def cancelled(self) -> bool:
        return False


def result_of(method: Method, line: Line, client: Client, listener: Listener) -> tuple[Any, str]:
    """What a method gives, and why that is not all of it, if it is not.

    Args:
        method: The method.
        line: The call of it.
        client: Makes the call.
        listener: Hears of lines that are followed, and says whether to stop.

    Raises:
        octaspace.Error: As the method does.
        ValueError: As the method does.
    """
    found: Any = line.run(client)
    if method.returns == "session":
        with blaming_the_answer(), found as session:
            return {"uuid": session.uuid, "info": session.info().data}, ""
    if method.returns == "list":
        return [dataclasses.asdict(offer) for offer in found], ""
    if method.returns != "lines":
        return found.data, ""
    lines: list[str] = []
    end = time.monotonic() + _MOST_SECONDS
    try:
        for text in found:
            lines.append(text)
            listener.tell(lines=lines[-12:])
            if listener.cancelled:
                return lines, "cancelled"
            if len(lines) >= _MOST_LINES:
                return lines, f"the first {_MOST_LINES} lines"
            if time.monotonic() > end:
                return lines, f"the first {_MOST_SECONDS:g} s"
    finally:
        found.close()
    return lines, ""


def shape_of(data: Any) -> str:
    """What an answer is, without a word of what is in it: ``"list of 21"``, ``"object of 9 fields"``."""
    if data is None:
        return "nothing"
    if isinstance(data, list):
        return f"list of {len(data)}"
    if isinstance(data, dict):
        return f"object of {len(data)} {'field' if len(data) == 1 else 'fields'}"
    if isinstance(data, bytes):
        return f"{len(data)} {'byte' if len(data) == 1 else 'bytes'}"
    if isinstance(data, str):
        return f"text of {len(data)} {'character' if len(data) == 1 else 'characters'}"
    return {bool: "true or false", int: "whole number", float: "number"}.get(type(data), type(data).__name__)
