"""The state of a node, as pages show it. The API's values are an open set (Q25)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..sdk.json_access import single_line

__all__ = ["has_rebooted", "is_online", "reboot_obstacle", "severity_of", "state_of"]

#: States of a node that is up (Q25). A busy node is rented.
_ONLINE: Final = frozenset({"online", "idle", "active", "busy"})

#: States of a node that is restarting.
_RESTARTING: Final = frozenset({"offline", "rebooting"})

#: Number of states whose severity is kept, because it is asked for in every row.
_STATES: Final = 64

#: Seconds after which a node that is up, and whose uptime is unknown, is taken to have rebooted.
_SURELY_BEGUN: Final = 20.0

_SEVERITIES: Final[Mapping[str, str]] = {
    "rebooting": "warn", "blocked": "warn", "offline": "bad", "error": "bad", "failed": "bad",
}  # fmt: skip


@lru_cache(maxsize=_STATES)
def severity_of(state: str) -> str:
    """Severity of a state: ``good``, ``warn``, ``bad``, or ``idle`` for any other state."""
    return "good" if is_online(state) else _SEVERITIES.get(state.lower(), "idle")


@lru_cache(maxsize=_STATES)
def is_online(state: str) -> bool:
    """Whether a node in this state is up (Q25)."""
    return state.lower() in _ONLINE


def state_of(value: Any) -> str:
    """The state as text (Q25): ``offline`` when missing or empty, ``unknown`` when it is not text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "offline"
    return single_line(value, 40) or "unknown"


def reboot_obstacle(state: str) -> str:
    """Why a node in this state cannot be rebooted; empty if it can."""
    return "An offline node cannot be rebooted." if state.lower() == "offline" else ""


def has_rebooted(state: str, uptime: float | None, before: float | None, seconds: float) -> bool:
    """Whether a node is back after a reboot.

    Right after the request a node may still be up, so a lower uptime is needed as well.

    Args:
        state: Its present state.
        uptime: Its present uptime in seconds; None if unknown.
        before: Its uptime before the reboot; None if unknown.
        seconds: Seconds since the reboot was requested.
    """
    if state.lower() in _RESTARTING:
        return False
    if uptime is None or before is None:
        return seconds >= _SURELY_BEGUN
    # An old uptime that is lower than the time since the request cannot have continued.
    return uptime < before or uptime < seconds
