"""A node as its page shows it, from the answers of ``GET /nodes/:id`` and ``GET /nodes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from octaspace.types import Disk, Location, Memory, Node, Rating, Reliability, System

from ...domain.node_state import state_of
from ...sdk.json_access import listed, single_line

__all__ = ["Machine", "entry_of", "read_machine"]


@dataclass(frozen=True)
class Machine:
    """A node for its page; unknown figures are None."""

    node: Node
    system: System
    disk: Disk
    memory: Memory
    location: Location
    reliability: Reliability
    rating: Rating

    @property
    def state(self) -> str:
        """The state as text, unchanged (Q25)."""
        return state_of(self.node.extra.get("state", self.node.state))

    @property
    def place(self) -> str:
        """City and country."""
        names = (single_line(self.location.city, 40), single_line(self.location.country, 40))
        return ", ".join(name for name in names if name)


def read_machine(data: Any) -> Machine:
    """The answer of ``GET /nodes/:id``."""
    node = Node.from_api(data)
    system = node.system or System()
    reliability = node.reliability or Reliability()
    return Machine(
        node,
        system,
        system.disk or Disk(),
        system.memory or Memory(),
        node.location or Location(),
        reliability,
        reliability.rating or Rating(),
    )


def entry_of(data: Any, node_id: str) -> Any:
    """A node's entry in ``GET /nodes``, which has the prices; None if it is missing."""
    return next(
        (item for item in listed(data, "Node") if isinstance(item, dict) and str(item.get("id")) == node_id),
        None,
    )
