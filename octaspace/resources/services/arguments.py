"""Checks of rental arguments: a mistake costs money, so it is rejected before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from ...request import MAX_SECONDS
from ...safe_repr import safe_repr
from ...suggestion import suggestion

__all__ = [
    "RelaySort",
    "Sort",
    "checked_choice",
    "checked_count",
    "checked_envs",
    "checked_ports",
    "checked_seconds",
    "checked_text",
    "refuse_unknown",
]

#: Sort orders of offers.
Sort = Literal["price", "reliability", "vram", "download"]
RelaySort = Literal["price", "download"]

#: The largest integer that all JSON parsers read exactly. Ids and sizes are far below it.
_MAX_COUNT = 2**53


def checked_count(name: str, value: object, unit: str = "") -> int:
    """Return a whole number above 0 that all JSON parsers read exactly.

    Raises:
        ValueError: It is not such a number. ``"10"`` is not one either: the API rejects it.
    """
    wanted = f"a whole number{unit and f' of {unit}'} above 0"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be {wanted}, not {safe_repr(value)} ({type(value).__name__})")
    if value > _MAX_COUNT:
        raise ValueError(f"{name} must be at most {_MAX_COUNT}, not {safe_repr(value)}")
    return value


def checked_seconds(name: str, value: object, *, above_zero: bool = False) -> float:
    """Return a number of seconds to wait.

    Raises:
        ValueError: It is not a number, is negative, is 0 where it must be above 0, or is above `MAX_SECONDS`.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value <= MAX_SECONDS
        or (above_zero and value == 0)
    ):
        wanted = "above 0" if above_zero else "from 0"
        raise ValueError(
            f"{name} must be a number of seconds {wanted} to {MAX_SECONDS}, "
            f"not {safe_repr(value)} ({type(value).__name__})"
        )
    return value


def checked_text(name: str, value: object, *, required: bool = False) -> str:
    """Return a text.

    Raises:
        ValueError: It is not text, or it is empty and required.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, not {safe_repr(value)} ({type(value).__name__})")
    if required and not value.strip():
        raise ValueError(f"{name} must not be empty")
    return value


def checked_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return one of several texts.

    Raises:
        ValueError: It is not one of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {safe_repr(value)}")
    return value


def checked_ports(name: str, value: Iterable[int] | None) -> list[int]:
    """Return port numbers as a list; None is an empty list.

    Raises:
        ValueError: One of them is not a whole number from 1 to 65535.
    """
    if value is None:
        return []
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ValueError(
            f"{name} must be a list of port numbers, not {safe_repr(value)} ({type(value).__name__})"
        )
    ports = list(value)
    for port in ports:
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
            raise ValueError(f"{name} must contain whole numbers from 1 to 65535, not {safe_repr(port)}")
    return ports


def checked_envs(name: str, value: Mapping[str, str] | None) -> dict[str, str]:
    """Return environment variables; None is an empty dict. Messages omit values: they may be secrets.

    Raises:
        ValueError: It is not a mapping of names to text.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a mapping of names to text, not {type(value).__name__}")
    for key, text in value.items():
        if not isinstance(key, str) or not key:
            raise ValueError(f"{name} must have text as names, not {safe_repr(key)}")
        if "=" in key or "\0" in key:
            raise ValueError(f"{name} must have names without '=' and NUL, not {safe_repr(key)}")
        if not isinstance(text, str):
            raise ValueError(f"{name}[{safe_repr(key)}] must be text, not {type(text).__name__}")
        if "\0" in text:
            raise ValueError(f"{name}[{safe_repr(key)}] must not contain a NUL")
    return dict(value)


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Reject unknown options: the API would ignore them, and the rental would be charged.

    Raises:
        ValueError: An option is unknown; the message contains the most similar known one.
    """
    for name in given:
        if name not in known:
            raise ValueError(f"unknown option {safe_repr(name)}; {suggestion(name, known)}")
