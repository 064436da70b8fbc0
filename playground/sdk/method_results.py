"""What a method of the SDK gives: waited for, followed, opened and closed, as its kind asks for."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Protocol

from octaspace import Client

from .methods import Method
from .recording import blaming_the_answer

__all__ = ["Listener", "Nobody", "result_of", "shape_of"]

#: When following a log ends by itself.
_MAX_LINES: Final = 1000
_MAX_SECONDS: Final = 120.0


class Listener(Protocol):
    """Hears how far a call is, and may ask it to stop."""

    def tell(self, **state: Any) -> None:
        """Hear what is known now."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the call is to stop."""
        ...

    def ending(self, client: Client) -> AbstractContextManager[Client]:
        """A client whose waits end when a call that only reads is to stop."""
        ...


class Nobody:
    """A `Listener` that is told in silence and never asks to stop."""

    def tell(self, **state: Any) -> None:
        """Hear what is known now."""

    @property
    def cancelled(self) -> bool:
        return False

    @contextmanager
    def ending(self, client: Client) -> Iterator[Client]:
        """The client itself."""
        yield client


class _Stopped(Exception):  # noqa: N818  # no error: somebody asked for it
    """Nothing more of a log is wanted."""


def result_of(
    method: Method, values: Mapping[str, Any], client: Client, listener: Listener, *, change: bool
) -> tuple[Any, str]:
    """What a method gives, and why that is not all of it, if it is not.

    Args:
        method: The method.
        values: Its arguments, by name.
        client: Makes the call.
        listener: Hears of lines that are followed, and says whether to stop.
        change: Whether the call may change something. It is not broken off then.

    Raises:
        octaspace.Error: As the method does; `octaspace.ConfigurationError` where a read was to stop.
        ValueError: As the method does.
    """
    with nullcontext(client) if change else listener.ending(client) as client:
        if method.returns == "lines":
            return _followed(method, values, client, listener)
        return _result(method, method.line(values).run(client)), ""


def _result(method: Method, found: Any) -> Any:
    if method.returns == "session":
        with blaming_the_answer(), found as session:
            return {"uuid": session.uuid, "info": session.info().data}
    if method.returns == "list":
        return [dataclasses.asdict(offer) for offer in found]
    return found.data


def _followed(
    method: Method, values: Mapping[str, Any], client: Client, listener: Listener
) -> tuple[list[str], str]:
    """The lines of a log, until it ends or nothing more of it is wanted."""

    def look() -> None:
        listener.tell()
        if listener.cancelled:
            raise _Stopped

    seconds = min(values.get("timeout") or _MAX_SECONDS, _MAX_SECONDS)
    lines: list[str] = []
    end = time.monotonic() + seconds
    found: Any = method.line({**values, "timeout": seconds, "on_idle": look}).run(client)
    try:
        for text in found:
            lines.append(text)
            listener.tell(lines=lines[-12:])
            if listener.cancelled or time.monotonic() >= end:
                break
            if len(lines) >= _MAX_LINES:
                return lines, f"the first {_MAX_LINES} lines"
    except _Stopped:
        return lines, "cancelled"
    finally:
        found.close()
    if listener.cancelled:
        return lines, "cancelled"
    return lines, f"the first {seconds:g} s" if time.monotonic() >= end else ""


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
