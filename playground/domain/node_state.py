"""The state of a node, as pages show it. The API's words are an open set (Q25)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..sdk.json_access import single_line

__all__ = ["is_online", "severity_of", "state_of"]

#: States of a node that is up (Q25): a busy one is rented.
_ONLINE: Final = frozenset({"online", "idle", "active", "busy"})

_TONES: Final[Mapping[str, str]] = {
    "rebooting": "warn", "blocked": "warn", "offline": "bad", "error": "bad", "failed": "bad",
}  # fmt: skip


def severity_of(state: str) -> str:
    """``good``, ``warn``, ``bad``, or ``idle`` for a state that is none of these."""
    return "good" if is_online(state) else _TONES.get(state.lower(), "idle")


def is_online(state: str) -> bool:
    """Whether a node in this state is up (Q25)."""
    return state.lower() in _ONLINE


def state_of(value: Any) -> str:
    """A state in words, as it came (Q25): ``offline`` for none or an empty one, ``unknown`` for no word."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "offline"
    return single_line(value, 40) or "unknown"
