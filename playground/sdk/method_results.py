"""Runs a method of the SDK and returns its result, depending on the kind of method."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Protocol

from octaspace import Client

from .methods import Method

__all__ = ["Listener", "NullListener", "result_of", "shape_of"]

#: Limits after which following a log ends.
_MAX_LINES: Final = 1000
_MAX_SECONDS: Final = 120.0


class Listener(Protocol):
    """Receives the progress of a call, and can cancel it."""

    def tell(self, **state: Any) -> None:
        """Receive the current progress."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the call is to be cancelled."""
        ...

    def ending(self, client: Client) -> AbstractContextManager[Client]:
        """A client whose waits end when a read is cancelled."""
        ...


class NullListener:
    """A `Listener` that ignores progress and never cancels."""

    def tell(self, **state: Any) -> None:
        """Receive the current progress."""

    @property
    def cancelled(self) -> bool:
        return False

    @contextmanager
    def ending(self, client: Client) -> Iterator[Client]:
        """The client itself."""
        yield client


class _Cancelled(Exception):  # noqa: N818  # not an error
    """Following a log was cancelled."""


def result_of(
    method: Method, values: Mapping[str, Any], client: Client, listener: Listener, *, change: bool
) -> tuple[Any, str]:
    """Run a method.

    Args:
        method: The method.
        values: Its arguments by name.
        client: Client for the call.
        listener: Receives the lines of a followed log, and can cancel the call.
        change: Whether the call may change something. Such a call is not interrupted.

    Returns:
        The result; and why it is incomplete, as text, or an empty text.

    Raises:
        octaspace.Error: As the method does; `octaspace.ConfigurationError` when a read was cancelled.
        ValueError: As the method does.
    """
    with nullcontext(client) if change else listener.ending(client) as client:
        if method.returns == "lines":
            return _followed(method, values, client, listener)
        return _result(method, method.line(values).run(client)), ""


def _result(method: Method, found: Any) -> Any:
    if method.returns == "session":
        with found as session:
            return {"uuid": session.uuid, "info": session.info().data}
    if method.returns == "list":
        return [dataclasses.asdict(offer) for offer in found]
    return found.data


def _followed(
    method: Method, values: Mapping[str, Any], client: Client, listener: Listener
) -> tuple[list[str], str]:
    """The lines of a log until it ends, is cancelled, or reaches a limit."""

    def on_idle() -> None:
        listener.tell()
        if listener.cancelled:
            raise _Cancelled

    seconds = min(values.get("timeout") or _MAX_SECONDS, _MAX_SECONDS)
    lines: list[str] = []
    end = time.monotonic() + seconds
    found: Any = method.line({**values, "timeout": seconds, "on_idle": on_idle}).run(client)
    try:
        for text in found:
            lines.append(text)
            listener.tell(lines=lines[-12:])
            if listener.cancelled or time.monotonic() >= end:
                break
            if len(lines) >= _MAX_LINES:
                return lines, f"the first {_MAX_LINES} lines"
    except _Cancelled:
        return lines, "cancelled"
    finally:
        found.close()
    if listener.cancelled:
        return lines, "cancelled"
    return lines, f"the first {seconds:g} s" if time.monotonic() >= end else ""


def shape_of(data: Any) -> str:
    """The type and size of an answer, without its content: ``"list of 21"``, ``"object of 9 fields"``."""
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
