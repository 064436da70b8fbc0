"""The state of a node, as pages show it. The API's values are an open set (Q25)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..sdk.json_access import single_line

__all__ = ["is_online", "severity_of", "state_of"]

#: States of a node that is up (Q25). A busy node is rented.
_ONLINE: Final = frozenset({"online", "idle", "active", "busy"})

_SEVERITIES: Final[Mapping[str, str]] = {
    "rebooting": "warn", "blocked": "warn", "offline": "bad", "error": "bad", "failed": "bad",
}  # fmt: skip


def severity_of(state: str) -> str:
    """Severity of a state: ``good``, ``warn``, ``bad``, or ``idle`` for any other state."""
    return "good" if is_online(state) else _SEVERITIES.get(state.lower(), "idle")


def is_online(state: str) -> bool:
    """Whether a node in this state is up (Q25)."""
    return state.lower() in _ONLINE


def state_of(value: Any) -> str:
    """The state as text (Q25): ``offline`` when missing or empty, ``unknown`` when it is not text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "offline"
    return single_line(value, 40) or "unknown"
