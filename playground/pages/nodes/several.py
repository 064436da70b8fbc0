"""Several nodes at once: which of them are chosen, and what is sent to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ...domain.node_state import reboot_obstacle
from ...sdk.json_access import listed
from .listing import NodeRow, read_nodes
from .prices import Asked, PriceChange, changes, current

__all__ = [
    "MAX_AT_ONCE",
    "ChosenNode",
    "Review",
    "name_to_type",
    "read_chosen",
    "review_prices",
    "review_reboot",
]

#: Maximum number of nodes that one form changes.
MAX_AT_ONCE: Final = 100

#: Why nothing is sent to a node that the API does not list.
_MISSING: Final = "This account has no node with this ID."


@dataclass(frozen=True)
class ChosenNode:
    """A node that was selected.

    Attributes:
        id: Its id.
        row: How the API lists it; None if it does not.
        prices: Its current prices by name.
        changes: Its old and new prices.
        obstacle: Why nothing is sent to it; empty if something is.
    """

    id: str
    row: NodeRow | None
    prices: Mapping[str, Asked]
    changes: tuple[PriceChange, ...] = ()
    obstacle: str = ""


@dataclass(frozen=True)
class Review:
    """What would be sent.

    Attributes:
        nodes: The selected nodes, in the order in which they were selected.
    """

    nodes: tuple[ChosenNode, ...]

    @property
    def included(self) -> list[ChosenNode]:
        """The nodes that a request is sent to."""
        return [node for node in self.nodes if not node.obstacle]

    @property
    def excluded(self) -> list[ChosenNode]:
        """The others."""
        return [node for node in self.nodes if node.obstacle]

    @property
    def busy(self) -> int:
        """Number of the included nodes that are rented."""
        return sum(node.row is not None and node.row.state.lower() == "busy" for node in self.included)


def read_chosen(ids: Sequence[str]) -> Callable[[Any], list[ChosenNode]]:
    """A reader of ``GET /nodes`` for the nodes with these ids.

    The reader raises `octaspace.UnexpectedShapeError` if the answer is not a list.
    """

    def read(data: Any) -> list[ChosenNode]:
        found: dict[str, ChosenNode] = {}
        for entry in listed(data, "Node"):
            for row in read_nodes([entry]):
                if row.id in ids:
                    found.setdefault(row.id, ChosenNode(row.id, row, current(entry)))
        return [found.get(id) or ChosenNode(id, None, current(None), (), _MISSING) for id in ids]

    return read


def review_reboot(nodes: Sequence[ChosenNode]) -> Review:
    """What a reboot would be sent to: the nodes that are not offline."""
    return Review(
        tuple(
            node if node.row is None else replace(node, obstacle=reboot_obstacle(node.row.state))
            for node in nodes
        )
    )


def review_prices(nodes: Sequence[ChosenNode], typed: Mapping[str, str]) -> Review:
    """What new prices would be sent to: the nodes that do not have all of them already."""
    reviewed = []
    for node in nodes:
        new = tuple(changes(node.prices, typed))
        same = bool(new) and all(change.is_none for change in new)
        obstacle = node.obstacle or ("It has these prices already." if same else "")
        reviewed.append(replace(node, changes=new, obstacle=obstacle))
    return Review(tuple(reviewed))


def name_to_type(ids: Sequence[str], action: str) -> str:
    """What is typed on the live API to confirm: the id of a single node, or the action with the number."""
    return ids[0] if len(ids) == 1 else f"{action} {len(ids)}"
