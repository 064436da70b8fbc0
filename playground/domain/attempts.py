"""What the SDK did after each attempt of a call: a failover, a retry, a new connection, or the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["ACTIONS", "Action", "with_actions"]


@dataclass(frozen=True)
class Action:
    """What followed an attempt.

    Attributes:
        name: The attempt's verdict; ``cache`` if the call failed and returned an older answer from the cache.
        severity: Colour of its badge: ``good``, ``warn``, ``bad`` or ``idle``.
        icon: Name of its icon.
        words: What was done.
        note: What that means.
    """

    name: str
    severity: str
    icon: str
    words: str
    note: str


#: Every action, as the legend of a chart names it.
ACTIONS: Final = (
    Action("ok", "good", "check-circle", "returned", "the call returned this answer"),
    Action("raise", "bad", "x-circle", "raised", "the call ended in an error"),
    Action("failover", "idle", "signpost-split", "failover", "next endpoint, at once"),
    Action("retry", "warn", "arrow-repeat", "retry", "after a wait; uses one of max_retries"),
    Action(
        "fresh-socket",
        "idle",
        "plug",
        "new connection",
        "same endpoint, at once; the reused connection was closed",
    ),
    Action(
        "cache",
        "warn",
        "clock-history",
        "returned from the cache",
        "the API failed; an older answer was kept",
    ),
)

_BY_NAME: Final = {action.name: action for action in ACTIONS}


def with_actions(
    attempts: Iterable[Mapping[str, Any]], error: str | None = None, cache: str | None = None
) -> list[tuple[Mapping[str, Any], Action]]:
    """Each attempt of a call with what followed it.

    The last attempt has the end of the call: after a 2xx that is not the API's answer the call raises.

    Args:
        attempts: The recorded fields of `octaspace.AttemptFinished`.
        error: Class of the error that the call raised, or None.
        cache: How the cache answered the call.
    """
    found = []
    retries = 0
    for attempt in attempts:
        name = str(attempt["verdict"])
        if name in ("ok", "raise"):
            name = "raise" if error else "cache" if cache == "stale" else name
        action = _BY_NAME[name]
        words = action.words
        if name == "raise" and error:
            words = f"raised {error}"
        elif name == "retry":
            retries += 1
            words = f"retry {retries}"
        found.append((attempt, Action(name, action.severity, action.icon, words, action.note)))
    return found
