"""What a world starts with, before anything has happened in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..world.idle_jobs import IdleJob
from ..world.nodes import Node
from ..world.rental import Rental


@dataclass
class InitialState:
    """What a world starts with."""

    account: dict[str, Any]
    balance: int
    nodes: list[Node] = field(default_factory=list)
    mr: list[dict[str, Any]] = field(default_factory=list)
    render: list[dict[str, Any]] = field(default_factory=list)
    vpn: list[dict[str, Any]] = field(default_factory=list)
    apps: list[dict[str, Any]] = field(default_factory=list)
    network: dict[str, Any] = field(default_factory=dict)
    idle_jobs: dict[tuple[int, int], IdleJob] = field(default_factory=dict)
    rentals: list[Rental] = field(default_factory=list)
    #: Nodes on offer that refuse every rental, with the reason (Q2).
    refusals: dict[int, tuple[int, str]] = field(default_factory=dict)
    #: Nodes on offer where a request is answered like a success, with this, and nothing is created (Q19):
    #: the item's answer; None for no answer at all; a text for `{"message"}` in place of the list.
    empty_results: dict[int, dict[str, Any] | str | None] = field(default_factory=dict)
    #: Name under which a node's identity or log is handed out.
    file_name: str = "node-{id}.{kind}"
    #: Said in the logs of sessions created later; the hostile data set sets it.
    note: str = ""
    #: Answer in the shapes that quirks.md knows and the specification does not allow.
    loose: bool = False


@dataclass(frozen=True)
class StartTime:
    """The birth of a world on both clocks, and how long its rentals take to become ready."""

    monotonic: float
    wall: float
    ready_after: float
