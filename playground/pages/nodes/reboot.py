"""A reboot that was requested, and whether the node is back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from ...domain.node_state import has_rebooted
from ...web.form_actions import outcome
from .machine import Machine

__all__ = ["RequestedReboot", "reboot_facts", "requested_reboot"]

#: What an outcome contains about a reboot.
_REBOOT: Final = "reboot"

#: Seconds for which the page of a node asks whether it is back.
_WATCH_SECONDS: Final = 900


@dataclass(frozen=True)
class RequestedReboot:
    """A reboot that was requested on the page of a node.

    Attributes:
        seconds: Seconds since the request.
        is_back: Whether the node is back.
    """

    seconds: float
    is_back: bool

    @property
    def is_watched(self) -> bool:
        """Whether the page still asks for the state by itself."""
        return not self.is_back and self.seconds < _WATCH_SECONDS

    @property
    def minutes(self) -> int:
        """Minutes for which the page asks."""
        return _WATCH_SECONDS // 60


def reboot_facts(node_id: str, machine: Machine | None) -> dict[str, Any]:
    """What the outcome of a reboot keeps: when it was requested, and how long the node had been up."""
    uptime = machine.node.uptime if machine else None
    return {_REBOOT: {"node": node_id, "at": time.time(), "uptime": uptime}}


def requested_reboot(node_id: str, machine: Machine | None) -> RequestedReboot | None:
    """The reboot whose outcome the page shows; None for any other page."""
    result = outcome() or {}
    asked = (result.get("facts") or {}).get(_REBOOT)
    lost = bool((result.get("problem") or {}).get("outcome_unknown"))
    if not asked or asked["node"] != node_id or not (result["ok"] or lost):
        return None
    seconds = max(0.0, time.time() - asked["at"])
    is_back = machine is not None and has_rebooted(
        machine.state, machine.node.uptime, asked["uptime"], seconds
    )
    return RequestedReboot(seconds, is_back)
